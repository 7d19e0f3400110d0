// Chosen features over time as pictures: a figure of each person, a panel of each feature, left and right in one.
import { lineOf, pointsOf, spread } from "./motion.js";

const PICTURE = "http://www.w3.org/2000/svg";
const LEFT = 52, NARROW = 320, WIDE = 960, TICK = 46, PANEL = 96, GAP = 26, USUAL = ["centre_speed", "knee_angle"];
const MOST_POINTS = 1000;

// Round numbers from one value to another, about so many.
export const roundTicks = (low, high, about = 5) => {
  const range = high - low || 1, power = 10 ** Math.floor(Math.log10(range / about));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => range / each <= about + 1e-9);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * range; k += 1) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
};

const extent = (sides) => {
  let low = Infinity, high = -Infinity;
  for (const { values } of sides) for (const each of values) for (const value of each) { if (value < low) low = value; if (value > high) high = value; }
  return spread(low, high);
};

// Curves by what they measure: what, its unit, lowest and highest value of anybody, and the curves of the sides.
export const byKind = (curves) => {
  const kinds = new Map();
  for (const curve of curves) {
    const kind = curve.name.replace(/^(left|right)_/, "");
    if (!kinds.has(kind)) kinds.set(kind, { kind, unit: curve.unit === "1" ? "" : curve.unit, sides: [] });
    kinds.get(kind).sides.push(curve);
  }
  return [...kinds.values()].map((kind) => ({ ...kind, ...extent(kind.sides) }));
};

// One person's figure; `ticks` are the time axis' places, 0 to 1, and texts; `share` gives that of a point.
export const drawFigure = (svg, kinds, person, colour, ticks, share, width = WIDE) => {
  const add = (tag, attributes, text) => {
    const element = document.createElementNS(PICTURE, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    svg.append(element);
  };
  svg.replaceChildren();
  const right = width - 10, x = (part) => LEFT + (right - LEFT) * part, height = kinds.length * (PANEL + GAP) + 20;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  kinds.forEach(({ kind, unit, sides, low, high }, at) => {
    const top = at * (PANEL + GAP) + 20;
    const y = (value) => top + PANEL * (1 - (value - low) / (high - low));
    add("text", { x: LEFT, y: top - 6, class: "tag" }, `${kind.replaceAll("_", " ")}${unit ? `, ${unit}` : ""}${sides.length > 1 ? ": left solid, right dashed" : ""}`);
    for (const value of roundTicks(low, high)) {
      add("line", { class: "grid", x1: LEFT, x2: right, y1: y(value).toFixed(1), y2: y(value).toFixed(1) });
      add("text", { x: LEFT - 6, y: (y(value) + 4).toFixed(1), "text-anchor": "end" }, String(value));
    }
    for (const side of sides) {
      const dashed = sides.length > 1 && side.name.startsWith("right_") ? { "stroke-dasharray": "5 4" } : {};
      add("path", { class: "curve-line", d: lineOf(side.values[person], share, { most: MOST_POINTS }, (part) => x(part).toFixed(1), (value) => y(value).toFixed(1)), style: `stroke:${colour}`, ...dashed });
    }
  });
  let free = -Infinity;
  for (const { left, text } of ticks) {
    if (x(left) < free) continue;
    free = x(left) + TICK;
    add("text", { x: x(left).toFixed(1), y: height - 4 }, text);
  }
};

export const openFigures = (data, motion) => {
  const section = document.getElementById("figures");
  if (!section || !motion.curves.length) return;
  const { share } = pointsOf(data, motion, motion.curves[0].values[0].length);
  const kinds = byKind(motion.curves), choice = section.querySelector(".choices");
  const ticks = [...document.querySelectorAll("#axis .tick")].map((tick) => ({ left: parseFloat(tick.style.left) / 100, text: tick.textContent }));
  const usual = kinds.filter(({ kind }) => USUAL.includes(kind));
  for (const { kind } of kinds) {
    const label = document.createElement("label"), box = document.createElement("input");
    box.type = "checkbox"; box.value = kind; box.checked = usual.length ? USUAL.includes(kind) : kind === kinds[0].kind;
    label.append(box, ` ${kind.replaceAll("_", " ")}`);
    choice.append(label);
  }
  const draw = () => {
    const chosen = [...choice.querySelectorAll("input:checked")].map((box) => box.value);
    const shown = kinds.filter(({ kind }) => chosen.includes(kind));
    for (const figure of section.querySelectorAll("figure")) {
      const person = Number(figure.dataset.person), width = Math.min(WIDE, Math.max(NARROW, Math.round(figure.clientWidth)));
      drawFigure(figure.querySelector("svg"), shown, person, data.colours[person], ticks, share, width);
    }
  };
  choice.addEventListener("change", draw);
  window.addEventListener("resize", () => { if (section.open) draw(); }); // letters stay as large as they are
  section.addEventListener("toggle", () => { if (section.open) draw(); });
  window.addEventListener("beforeprint", draw);
  section.hidden = false;
  if (section.open) draw();
};
