// What the studio is asked to do.
export const post = (where, said) => fetch(where, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) });

// The sentence that says why not; empty where it is done.
export const refusal = async (where, said) => {
  let answer;
  try { answer = await post(where, said); } catch { return "The studio does not answer; was it ended?"; }
  if (answer.ok) return "";
  try { return (await answer.json()).error; } catch { return `refused (${answer.status})`; }
};
