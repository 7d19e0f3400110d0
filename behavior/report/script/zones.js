// Zones drawn on the picture: corners by click or typed, handed out as the file that the commands take.
import { handOver } from "./takeaway.js";

const DECIDING = ["mid_hip", "mid_ankle", "left_ankle", "right_ankle", "left_wrist", "right_wrist", "nose", "neck"];

// "120,40 300,40 300,90" to pairs of numbers; null when it is anything else.
export const readCorners = (text) => {
  const pairs = text.trim().split(/\s+/).filter(Boolean).map((pair) => pair.split(",").map(Number));
  return pairs.every((pair) => pair.length === 2 && pair.every(Number.isFinite)) ? pairs : null;
};

// The file: { name: { corners, joint } }; a sentence instead where something is missing.
export const zonesFile = (zones) => {
  const names = zones.map(({ name }) => name.trim());
  const bad = zones.find(({ corners }) => !corners || corners.length < 3);
  if (!zones.length) return { wrong: "There is no zone yet." };
  if (names.some((name) => !/[\p{L}\p{N}]/u.test(name))) return { wrong: "Each zone needs a name." };
  if (new Set(names).size < names.length) return { wrong: "Two zones have the same name." };
  if (bad) return { wrong: `${bad.name.trim()} needs at least three corners.` };
  return { text: `${JSON.stringify(Object.fromEntries(zones.map(({ corners, joint }, i) => [names[i], { corners, joint }])), null, 1)}\n` };
};

export const openZones = (data) => {
  const panel = document.getElementById("zones"), picture = document.getElementById("places");
  if (!panel || !picture) return;
  const list = panel.querySelector(".rows"), shapes = document.getElementById("zone-shapes");
  const scale = picture.viewBox.baseVal.width / data.size[0];
  const zones = data.zones.map((zone) => ({ ...zone }));
  let chosen = zones.length ? 0 : -1;
  const svg = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const draw = () => {
    shapes.replaceChildren(...zones.map(({ name, corners }, i) => {
      const group = svg("g", { class: `zone${panel.open && i === chosen ? " chosen-zone" : ""}` });
      const points = (corners ?? []).map((pair) => pair.map((each) => (each * scale).toFixed(1)));
      group.append(svg("polygon", { points: points.map((pair) => pair.join(",")).join(" ") }));
      if (panel.open && i === chosen) group.append(...points.map(([cx, cy]) => svg("circle", { cx, cy, r: 5 })));
      if (points.length) {
        const middle = [0, 1].map((axis) => points.reduce((sum, pair) => sum + Number(pair[axis]), 0) / points.length);
        const text = svg("text", { x: middle[0].toFixed(1), y: middle[1].toFixed(1) });
        text.textContent = name;
        group.append(text);
      }
      return group;
    }));
  };
  const field = (label, input) => { const holder = document.createElement("label"); holder.append(`${label} `, input); return holder; };
  const build = () => {
    list.replaceChildren(...zones.map((zone, i) => {
      const row = document.createElement("li"), name = document.createElement("input"), corners = document.createElement("input");
      const joint = document.createElement("select"), gone = document.createElement("button");
      row.className = "row";
      name.value = zone.name; name.size = 12;
      corners.value = (zone.corners ?? []).map((pair) => pair.join(",")).join(" "); corners.size = 32;
      for (const each of [...new Set([zone.joint, ...DECIDING])]) joint.add(new Option(each.replaceAll("_", " "), each));
      gone.type = "button"; gone.textContent = "Delete"; gone.setAttribute("aria-label", `Delete ${zone.name || "the zone"}`);
      row.addEventListener("focusin", () => { chosen = i; draw(); });
      name.addEventListener("input", () => { zone.name = name.value; draw(); });
      corners.addEventListener("input", () => { zone.corners = readCorners(corners.value); corners.setAttribute("aria-invalid", String(!zone.corners)); draw(); });
      joint.addEventListener("change", () => { zone.joint = joint.value; });
      gone.addEventListener("click", () => { zones.splice(i, 1); chosen = Math.min(chosen, zones.length - 1); build(); });
      row.append(field("Name", name), field("Corners", corners), field("Joint that decides", joint), gone);
      return row;
    }));
    draw();
  };
  const add = () => {
    zones.push({ name: `zone ${zones.length + 1}`, corners: [], joint: "mid_hip" });
    chosen = zones.length - 1;
    build();
  };
  panel.querySelector("[name=new]").addEventListener("click", () => { add(); list.lastChild.querySelector("input").focus(); });
  picture.addEventListener("click", (event) => {
    if (!panel.open) return;
    if (chosen < 0) add();
    const zone = zones[chosen], place = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    const at = [place.x, place.y].map((each) => Math.round(each / scale));
    zone.corners = [...(zone.corners ?? []), at];
    build();
  });
  panel.querySelector("[name=save]").addEventListener("click", () => {
    const { text, wrong } = zonesFile(zones);
    panel.querySelector(".told").textContent = wrong ?? "";
    if (text) handOver("zones.json", text, "application/json");
  });
  panel.addEventListener("toggle", draw);
  build();
};
