// Times as players write them: 0:07, 12:05.25, 1:02:05.
export const clock = (seconds, decimals) => {
  const whole = 10 ** decimals, ticks = Math.round(seconds * whole), s = Math.floor(ticks / whole);
  const two = (n) => String(n).padStart(2, "0");
  const head = s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}` : `${Math.floor(s / 60)}`;
  return `${head}:${two(s % 60)}` + (decimals ? "." + String(ticks % whole).padStart(decimals, "0") : "");
};
