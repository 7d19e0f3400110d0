// One feature of everyone over time, under the ethogram.
import { lineOf, pointsOf } from "./motion.js";

const SVG = "http://www.w3.org/2000/svg";
const MOST = 3000; // points of a line
const short = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

export const openCurves = (data, player, motion, lines) => {
  const choice = document.getElementById("feature"), values = document.getElementById("values"), row = document.getElementById("curve");
  if (!choice) return;
  const svg = row.querySelector("svg");
  for (const { name, unit } of motion.curves) choice.add(new Option(`${name.replaceAll("_", " ")}${unit && unit !== "1" ? `, ${unit}` : ""}`, name));
  let curve = null, view = [0, 1], drawn = null; // what can be seen, and what is drawn, 0 to 1 of the time
  const tell = (time) => {
    if (!curve) { values.textContent = ""; return; }
    const at = pointsOf(data, motion, curve.values[0].length).at(time);
    const unit = curve.unit && curve.unit !== "1" ? ` ${curve.unit}` : "";
    values.textContent = curve.values.map((each, person) => (Number.isNaN(each[at]) ? null : `${data.people[person]}: ${short(each[at])}${unit}`)).filter(Boolean).join("; ");
  };
  // Of a long recording only what can be seen, and as much beside it, at its own points.
  const draw = () => {
    const { low, high } = curve, n = curve.values[0].length, { share, at } = pointsOf(data, motion, n);
    const [from, to] = view, wide = to - from, timeOf = (part) => data.start + (data.stop - data.start) * part;
    drawn = { from: from - wide, to: to + wide, wide };
    const range = { first: at(timeOf(drawn.from)), behind: Math.min(n, at(timeOf(drawn.to)) + 2), most: MOST };
    row.querySelector(".high").textContent = short(high);
    row.querySelector(".low").textContent = short(low);
    svg.replaceChildren(...curve.values.map((each, person) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", lineOf(each, share, range, (part) => (1000 * part).toFixed(5), (value) => (99 - (98 * (value - low)) / (high - low)).toFixed(2)));
      path.style.stroke = data.colours[person];
      return path;
    }));
  };
  choice.addEventListener("change", () => {
    curve = motion.curves.find(({ name }) => name === choice.value) ?? null;
    row.hidden = !curve;
    if (curve) { draw(); row.scrollIntoView({ block: "nearest" }); } else svg.replaceChildren();
    tell(player.time);
  });
  lines.onView((from, to) => {
    view = [from, to];
    if (curve && (from < drawn.from || to > drawn.to || to - from !== drawn.wide)) draw();
  });
  player.onTime(tell);
  row.querySelector(".track").addEventListener("click", (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    player.seek(data.start + ((data.stop - data.start) * (event.clientX - box.left)) / box.width);
  });
  if (motion.curves.length) choice.closest("label").hidden = false;
};
