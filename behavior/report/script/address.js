// The address of a moment: #t=12.4&person=2, seconds of the source and the number of a person.

export const readAddress = (hash) => {
  const asked = new URLSearchParams(hash.replace(/^#/, ""));
  const number = (name) => { const value = asked.get(name); return value === null || value === "" || !Number.isFinite(Number(value)) ? null : Number(value); };
  return { time: number("t"), person: number("person") };
};

export const writeAddress = (time, person) => `#t=${time.toFixed(3).replace(/\.?0+$/, "")}${person === null ? "" : `&person=${person}`}`;
