// Figures as SVG and PNG, tables as CSV: what a section shows, as a file.
import { table } from "./corrections.js";

const SPACE = "http://www.w3.org/2000/svg";
const KEPT = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
  "opacity", "font-family", "font-size", "font-weight", "text-anchor", "paint-order", "display"];

export const handOver = (name, content, type) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

// A drawing of the page that stands by itself: every element has its own style, and there is paper under it.
export const standalone = (svg) => {
  const copy = svg.cloneNode(true), { x, y, width, height } = svg.viewBox.baseVal;
  const all = [svg, ...svg.querySelectorAll("*")], copies = [copy, ...copy.querySelectorAll("*")];
  all.forEach((each, i) => {
    const style = getComputedStyle(each);
    copies[i].setAttribute("style", KEPT.map((name) => `${name}:${style.getPropertyValue(name).replaceAll('"', "'")}`).join(";"));
    copies[i].removeAttribute("class");
  });
  for (const [name, value] of Object.entries({ xmlns: SPACE, width, height })) copy.setAttribute(name, value);
  const paper = document.createElementNS(SPACE, "rect");
  for (const [name, value] of Object.entries({ x, y, width, height, fill: getComputedStyle(document.body).backgroundColor })) paper.setAttribute(name, value);
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
};

const asPng = async (text, width, height) => {
  const picture = new Image();
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * width; canvas.height = 2 * height;
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => { canvas.toBlob(done, "image/png"); });
};

// The timeline as one drawing: names, bars with their actions, presence, times.
export const drawTimeline = (data) => {
  const LEFT = 150, WIDTH = 1050, ROW = 22, span = 1000 * (data.stop - data.start);
  const svg = document.createElementNS(SPACE, "svg");
  const add = (tag, attributes, text) => {
    const element = document.createElementNS(SPACE, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    svg.append(element);
  };
  let top = 26;
  const ticks = [...document.querySelectorAll("#axis .tick")];
  data.bouts.forEach((bouts, person) => {
    const rows = 1 + Math.max(0, ...bouts.map(([, , , , row]) => row)), lane = document.querySelectorAll(".lane")[person];
    add("text", { x: 0, y: top + 15, class: "take-text" }, data.people[person]);
    add("rect", { x: LEFT, y: top, width: WIDTH, height: rows * ROW, class: "take-lane" });
    if (!bouts.length && lane.querySelector(".nothing")) add("text", { x: LEFT + 5, y: top + 15, class: "take-text" }, "no action named");
    for (const [start, stop, action, , row] of bouts) {
      const x = LEFT + (WIDTH * start) / span, width = Math.max(1, (WIDTH * (stop - start)) / span);
      const tone = `a${action % 9}${action >= 18 ? " faint" : action >= 9 ? " pale" : ""}`;
      add("rect", { x: x.toFixed(1), y: top + row * ROW + 1, width: width.toFixed(1), height: ROW - 2, class: `bout ${tone}` });
      if (width > 7 * data.actions[action].length + 8) add("text", { x: (x + 5).toFixed(1), y: top + row * ROW + 15, class: `take-label ${tone}` }, data.actions[action]);
    }
    for (const band of lane.querySelectorAll(".present")) {
      for (const [, x, width] of band.getAttribute("d").matchAll(/M(-?\d+) \d+h(\d+)/g)) {
        add("rect", { x: (LEFT + (WIDTH * x) / 1e5).toFixed(1), y: top + rows * ROW + 1, width: ((WIDTH * width) / 1e5).toFixed(1), height: 3, style: `fill:${data.colours[person]}` });
      }
    }
    top += rows * ROW + 12;
  });
  for (const tick of ticks) {
    const x = LEFT + (WIDTH * parseFloat(tick.style.left)) / 100;
    add("line", { x1: x, x2: x, y1: 6, y2: top - 8, class: "take-tick" });
    add("text", { x: x + 4, y: 16, class: "take-text" }, tick.textContent);
  }
  const keys = [...new Set(data.bouts.flat().map(([, , action]) => action))].sort((a, b) => a - b);
  let x = LEFT;
  for (const action of keys) {
    const width = 30 + 8 * data.actions[action].length;
    if (x + width > LEFT + WIDTH) { x = LEFT; top += 22; }
    add("rect", { x, y: top + 2, width: 12, height: 12, class: `bout a${action % 9}${action >= 18 ? " faint" : action >= 9 ? " pale" : ""}` });
    add("text", { x: x + 17, y: top + 13, class: "take-text" }, data.actions[action]);
    x += width;
  }
  svg.setAttribute("viewBox", `0 0 ${LEFT + WIDTH + 4} ${top + 24}`);
  return svg;
};

const withStyle = (svg) => { // styles are known only of what is in the page
  const shelf = document.createElement("div");
  shelf.className = "unseen";
  shelf.append(svg);
  document.body.append(shelf);
  const text = standalone(svg);
  shelf.remove();
  return text;
};

export const openTakeaway = (data) => {
  const named = (what, kind) => `${data.recording} ${what}.${kind}`.replace(/[^\p{L}\p{N}. _-]/gu, "_");
  for (const part of document.querySelectorAll("[data-take]")) {
    const what = part.dataset.take, drawn = part.querySelector("svg"), cells = part.matches("figure") ? null : part.querySelector("table");
    const bar = document.createElement("p");
    bar.className = "take";
    bar.append(cells ? "Save this table as" : what === "timeline" ? "Save the timeline as" : "Save this figure as");
    const offer = (kind, act) => {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = kind; button.setAttribute("aria-label", `Save ${what} as ${kind}`);
      button.addEventListener("click", act);
      bar.append(button);
    };
    if (cells) {
      offer("CSV", () => {
        const rows = [...cells.rows].map((row) => [...row.cells].map((each) => each.textContent.trim().replace(/\u00a0/g, " ")));
        handOver(named(what, "csv"), table(rows), "text/csv");
      });
    } else {
      const text = () => (what === "timeline" ? withStyle(drawTimeline(data)) : standalone(drawn));
      offer("SVG", () => handOver(named(what, "svg"), text(), "image/svg+xml"));
      offer("PNG", async () => {
        const [width, height] = (/ viewBox="([^"]*)"/.exec(text())[1]).split(" ").slice(2).map(Number);
        handOver(named(what, "png"), await asPng(text(), width, height));
      });
    }
    if (cells) part.append(bar); else part.querySelector("figcaption").before(bar);
  }
};
