// One feature of everyone over time, under the ethogram.

const SVG = "http://www.w3.org/2000/svg";
const short = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

export const openCurves = (data, player, motion) => {
  const choice = document.getElementById("feature"), values = document.getElementById("values"), row = document.getElementById("curve");
  if (!choice) return;
  const svg = row.querySelector("svg");
  for (const { name, unit } of motion.curves) choice.add(new Option(`${name.replaceAll("_", " ")}${unit && unit !== "1" ? `, ${unit}` : ""}`, name));
  let curve = null;
  const tell = (time) => {
    if (!curve) { values.textContent = ""; return; }
    const n = curve.values[0].length, at = Math.min(n - 1, Math.max(0, Math.floor(((time - data.start) / (data.stop - data.start)) * n + 1e-6)));
    const unit = curve.unit && curve.unit !== "1" ? ` ${curve.unit}` : "";
    values.textContent = curve.values.map((each, person) => (Number.isNaN(each[at]) ? null : `${data.people[person]}: ${short(each[at])}${unit}`)).filter(Boolean).join("; ");
  };
  choice.addEventListener("change", () => {
    curve = motion.curves.find(({ name }) => name === choice.value) ?? null;
    row.hidden = !curve;
    svg.replaceChildren();
    if (curve) {
      const { low, high } = curve, range = high - low || 1, n = curve.values[0].length;
      row.querySelector(".high").textContent = short(high);
      row.querySelector(".low").textContent = short(low);
      curve.values.forEach((each, person) => {
        let line = "", pen = "M";
        each.forEach((value, i) => {
          if (Number.isNaN(value)) { pen = "M"; return; }
          line += `${pen}${((1000 * (i + 0.5)) / n).toFixed(2)} ${(99 - (98 * (value - low)) / range).toFixed(2)}`;
          pen = "L";
        });
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("d", line);
        path.style.stroke = data.colours[person];
        svg.append(path);
      });
    }
    tell(player.time);
  });
  player.onTime(tell);
  row.querySelector(".track").addEventListener("click", (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    player.seek(data.start + ((data.stop - data.start) * (event.clientX - box.left)) / box.width);
  });
  if (motion.curves.length) choice.closest("label").hidden = false;
};
