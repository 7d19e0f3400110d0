// A known length and the floor, typed or clicked into the picture, as the file that `posescribe report --scale` takes.
import { handOver } from "./takeaway.js";
import { readCorners } from "./zones.js";

// What the fields say, as text of scale.json; or what is wrong.
export const scaleFile = ({ known, person, points, metres, floor, line }) => {
  const said = {}, two = (text) => { const ends = readCorners(text); return ends?.length === 2 ? ends : null; };
  if (known) {
    if (!(Number(metres) > 0)) return { wrong: "Give the metres." };
    if (known === "points") {
      said.points = two(points);
      if (!said.points) return { wrong: "Two points are needed: x,y x,y." };
    } else said.person = person;
    said.metres = Number(metres);
  }
  if (floor === "feet") said.floor = "feet";
  else if (floor) {
    said.floor = two(line);
    if (!said.floor) return { wrong: "The floor needs two points: x,y x,y." };
  }
  if (!Object.keys(said).length) return { wrong: "Nothing was given." };
  return { text: `${JSON.stringify(said, null, 1)}\n` };
};

export const openMeasure = (data) => {
  const panel = document.getElementById("measure"), picture = document.getElementById("places");
  if (!panel || !picture) return;
  const field = (name) => panel.querySelector(`[name=${name}]`), scale = picture.viewBox.baseVal.width / data.size[0];
  const show = () => {
    for (const label of panel.querySelectorAll("[data-of]")) label.hidden = label.dataset.of === "floor" ? field("floor").value !== "points" : field("known").value !== label.dataset.of;
  };
  let filled = null;
  for (const name of ["points", "line"]) field(name).addEventListener("focus", () => { filled = field(name); });
  picture.addEventListener("click", (event) => {
    if (!panel.open || !filled || filled.closest("label").hidden) return;
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    const before = (readCorners(filled.value) ?? []).slice(-1), at = [place.x, place.y].map((each) => Math.round(each / scale));
    filled.value = [...(filled.value.trim() ? before : []), at].map((pair) => pair.join(",")).join(" ");
  });
  for (const name of ["known", "floor"]) field(name).addEventListener("change", show);
  field("save").addEventListener("click", () => {
    const { text, wrong } = scaleFile(Object.fromEntries(["known", "person", "points", "metres", "floor", "line"].map((name) => [name, field(name).value])));
    panel.querySelector(".told").textContent = wrong ?? "";
    if (text) handOver("scale.json", text, "application/json");
  });
  show();
};
