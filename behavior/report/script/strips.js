// The model's probability of each action as a strip under each person's line: dark is likely, hatched is not known.
import { clock } from "./clock.js";
import { columnReader } from "./columns.js";

const SPACE_OF_STRIPS = "http://www.w3.org/2000/svg";
const STRIP_ROW = 13, SHADES = 10, LEAST = 10; // percent: an action that never gets there has no row

// The paths of one row, by shade; the first is where the value is known. `values` in percent, NaN for not known.
export const shades = (values) => {
  const paths = Array.from({ length: SHADES + 1 }, () => "");
  const shadeOf = (value) => (Number.isNaN(value) ? -1 : Math.round((value * SHADES) / 100));
  for (let from = 0; from < values.length;) {
    let to = from + 1;
    const shade = shadeOf(values[from]);
    while (to < values.length && shadeOf(values[to]) === shade) to += 1;
    if (shade >= 0) paths[0] += `M${from} 0h${to - from}v1h-${to - from}z`;
    if (shade > 0) paths[shade] += `M${from} 0h${to - from}v1h-${to - from}z`;
    from = to;
  }
  return paths;
};

export const openStrips = (data, player, block) => {
  const button = document.getElementById("likely"), said = document.getElementById("said");
  if (!button || !data.strips) return;
  const { actions, points } = data.strips, span = data.stop - data.start;
  let people = null, coming = null; // [person][action] percent
  const read = async () => {
    const column = columnReader(await block("probabilities"));
    people = data.people.map(() => actions.map(() => column(points)));
    document.querySelectorAll(".lane").forEach((lane, person) => lane.closest(".line").after(draw(person)));
  };
  const at = (time) => Math.min(points - 1, Math.max(0, Math.floor(((time - data.start) / span) * points + 1e-6)));
  const words = (person, time, row) => {
    const now = people[person].map((values, action) => [values[at(time)], actions[action]]);
    if (row !== undefined) return `${now[row][1]} ${Number.isNaN(now[row][0]) ? "not known" : (now[row][0] / 100).toFixed(2)}`;
    const most = now.filter(([value]) => value >= 5).sort(([a], [b]) => b - a).slice(0, 3);
    if (most.length) return most.map(([value, action]) => `${action} ${(value / 100).toFixed(2)}`).join(", ");
    return now.every(([value]) => Number.isNaN(value)) ? null : "none of them";
  };
  const tell = (time) => {
    if (!button.checked || !people) { said.textContent = ""; return; }
    said.textContent = data.people.map((name, person) => [name, words(person, time)]).filter(([, text]) => text).map((each) => each.join(": ")).join("; ");
  };
  const draw = (person) => {
    const line = document.createElement("div"), who = document.createElement("span"), track = document.createElement("div");
    const rows = actions.map((_, action) => action).filter((action) => people[person][action].some((value) => value >= LEAST));
    line.className = "line strip"; who.className = "who"; track.className = "track";
    track.style.height = rows.length ? `${STRIP_ROW * rows.length}px` : "";
    const svg = document.createElementNS(SPACE_OF_STRIPS, "svg");
    for (const [name, value] of Object.entries({ viewBox: `0 0 ${points} ${Math.max(1, rows.length)}`, preserveAspectRatio: "none", role: "img" })) svg.setAttribute(name, value);
    svg.setAttribute("aria-label", `${data.people[person]}: the model’s probability of ${rows.map((action) => actions[action]).join(", ") || "no action"}`);
    rows.forEach((action, row) => {
      const name = document.createElement("span");
      name.textContent = actions[action];
      who.append(name);
      shades(people[person][action]).forEach((shape, shade) => {
        if (!shape) return;
        const path = document.createElementNS(SPACE_OF_STRIPS, "path");
        path.setAttribute("d", shape);
        path.setAttribute("transform", `translate(0 ${row})`);
        path.setAttribute("class", shade ? "odds" : "known");
        if (shade) path.style.fillOpacity = shade / SHADES;
        svg.append(path);
      });
    });
    const pointed = (event) => {
      const box = track.getBoundingClientRect();
      return [data.start + (span * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))), rows[Math.min(rows.length - 1, Math.floor((event.clientY - box.top) / STRIP_ROW))]];
    };
    track.addEventListener("pointermove", (event) => {
      const [time, action] = pointed(event);
      if (action !== undefined) said.textContent = `${data.people[person]}, ${clock(time, 2)}: ${words(person, time, action)}`;
    });
    track.addEventListener("pointerleave", () => tell(player.time));
    track.addEventListener("click", (event) => player.seek(pointed(event)[0]));
    if (rows.length) track.append(svg); else track.textContent = "no action of the model was ever likely here";
    line.append(who, track);
    return line;
  };
  button.addEventListener("change", async () => {
    if (button.checked) await (coming ??= read().catch((error) => { coming = null; throw error; })); // once, however often it is switched meanwhile
    document.getElementById("ethogram").classList.toggle("likely", button.checked);
    tell(player.time);
  });
  player.onTime(tell);
  button.closest("p").hidden = false;
};
