// The ethogram: one line per person, bouts to click and to walk through by keys, playhead, zoom, one action at a time.
import { clock } from "./clock.js";

export const timeline = (data, player) => {
  const ethogram = document.getElementById("ethogram");
  if (!ethogram) return null;
  const { video } = player;
  const span = data.stop - data.start;
  const scroll = document.getElementById("scroll");
  const playhead = document.getElementById("playhead");
  const readout = document.getElementById("readout");
  const axis = document.getElementById("axis");
  const lanes = [...ethogram.querySelectorAll(".lane")];

  // ---- playhead
  let zoom = 1;
  const show = (time) => {
    playhead.hidden = false;
    playhead.style.left = `${100 * Math.min(1, Math.max(0, (time - data.start) / span))}%`;
    if (zoom === 1 || !video || video.paused) return;
    const x = playhead.offsetLeft, room = scroll.clientWidth - axis.offsetLeft;
    if (x < scroll.scrollLeft || x > scroll.scrollLeft + 0.9 * room) scroll.scrollLeft = x - 0.1 * room;
  };
  player.onTime(show);

  // ---- bouts: [start ms, stop ms, action, score %, row], by start
  const ROW = 22;
  const chosen = document.createElement("div");
  chosen.className = "chosen";
  let last = null; // start and stop of the bout that was chosen last
  document.getElementById("loop")?.addEventListener("change", (event) => { player.loop = event.target.checked ? last : null; });
  const tell = (person, [start, stop, action, score]) => {
    const times = [start, stop].map((ms) => clock(data.start + ms / 1000, 2)).join(" to ");
    readout.textContent = `${data.people[person]}: ${data.actions[action]}, ${times} (${((stop - start) / 1000).toFixed(2)} s), ${data.coded[person] ? "coded by hand" : `score ${(score / 100).toFixed(2)}`}`;
  };
  const go = player.seek;
  const choose = (person, bout) => {
    const [start, stop, , , row] = bout;
    chosen.style.cssText = `left:${start / span / 10}%;width:${(stop - start) / span / 10}%;top:${ROW * row}px;height:${ROW}px`;
    lanes[person].append(chosen);
    tell(person, bout);
    const ends = [start, stop].map((ms) => data.start + ms / 1000);
    if (player.loop || document.getElementById("loop")?.checked) player.loop = ends;
    last = ends;
    go(ends[0]);
  };
  const msAt = (track, event) => {
    const box = track.getBoundingClientRect();
    return 1000 * span * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  // The bout under the pointer, or the nearest within three pixels of it.
  const boutAt = (person, event) => {
    const box = lanes[person].getBoundingClientRect(), ms = msAt(lanes[person], event);
    const pointed = Math.floor((event.clientY - box.top) / ROW);
    let best = -1, least = (3000 * span) / box.width;
    data.bouts[person].forEach(([start, stop, , , row], i) => {
      const away = Math.max(start - ms, ms - stop, 0);
      if (row === pointed && away < least) { best = i; least = away; }
    });
    return best;
  };
  lanes.forEach((lane, person) => {
    const bouts = data.bouts[person];
    let current = -1;
    lane.addEventListener("pointermove", (event) => {
      const i = boutAt(person, event);
      if (i >= 0) tell(person, bouts[i]);
    });
    lane.addEventListener("click", (event) => {
      const i = boutAt(person, event);
      if (i >= 0) { current = i; choose(person, bouts[i]); return; }
      const time = data.start + msAt(lane, event) / 1000;
      chosen.remove();
      readout.textContent = `${data.people[person]}, ${clock(time, 2)}` + (data.actions.length ? ": no action named" : "");
      go(time);
    });
    lane.addEventListener("keydown", (event) => {
      const next = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: bouts.length - 1 }[event.key];
      if (event.key === " ") { event.preventDefault(); player.toggle(); }
      if (next === undefined || !bouts.length) return;
      event.preventDefault();
      current = Math.min(bouts.length - 1, Math.max(0, next));
      choose(person, bouts[current]);
    });
  });
  axis.addEventListener("pointerdown", (event) => {
    axis.setPointerCapture(event.pointerId);
    go(data.start + msAt(axis, event) / 1000);
  });
  axis.addEventListener("pointermove", (event) => { if (event.buttons) go(data.start + msAt(axis, event) / 1000); });

  // ---- one action at a time
  const picks = [...document.querySelectorAll(".legend button")];
  for (const button of picks) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      for (const other of picks) other.setAttribute("aria-pressed", String(on && other === button));
      ethogram.classList.toggle("pick", on);
      const name = data.actions[button.dataset.rank];
      for (const bar of ethogram.querySelectorAll(".bout")) bar.classList.toggle("picked", bar.dataset.rank === button.dataset.rank);
      for (const label of ethogram.querySelectorAll(".label")) label.classList.toggle("picked", label.textContent === name);
    });
  }

  // ---- zoom
  const steps = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
  const drawTicks = () => {
    const width = axis.clientWidth, room = data.stop >= 3600 ? 76 : 62;
    const step = steps.find((s) => (s / span) * width >= room) ?? 86400 * Math.ceil((span * room) / width / 86400);
    const decimals = Math.max(0, Math.ceil(-Math.log10(step)));
    const marks = [];
    const last = data.stop - (span * 0.7 * room) / width;
    for (let k = Math.ceil(data.start / step - 1e-9); k * step <= last; k += 1) {
      const mark = document.createElement("span");
      mark.className = "tick";
      mark.style.left = `${(100 * (k * step - data.start)) / span}%`;
      mark.textContent = clock(k * step, decimals);
      marks.push(mark);
    }
    axis.replaceChildren(...marks);
  };
  const fitLabels = () => {
    const labels = [...ethogram.querySelectorAll(".label")];
    const narrow = labels.map((label) => label.scrollWidth > label.clientWidth);
    labels.forEach((label, i) => label.classList.toggle("narrow", narrow[i]));
  };
  const redraw = () => { drawTicks(); fitLabels(); };
  const buttons = document.querySelector(".zoom");
  const most = 2 ** Math.max(0, Math.ceil(Math.log2(span / 10)));
  const setZoom = (value) => {
    const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / scroll.scrollWidth;
    zoom = Math.min(most, Math.max(1, value));
    ethogram.style.setProperty("--zoom", zoom);
    scroll.scrollLeft = middle * scroll.scrollWidth - scroll.clientWidth / 2;
    for (const button of buttons.children) button.disabled = button.dataset.zoom === "in" ? zoom >= most : zoom <= 1;
    redraw();
  };
  buttons.hidden = most <= 1;
  buttons.addEventListener("click", (event) => {
    const way = event.target.dataset.zoom;
    if (way) setZoom(way === "in" ? zoom * 2 : zoom / 2);
  });
  setZoom(1);
  new ResizeObserver(redraw).observe(scroll);
  window.addEventListener("beforeprint", () => setZoom(1));

  return {
    // One person before the others; null for all.
    pick: (person) => lanes.forEach((lane, i) => lane.classList.toggle("aside", person !== null && i !== person)),
    // What stands beside each person in the picture: number, and actions at that time.
    tagsAt: (time) => {
      const ms = 1000 * (time - data.start) + 0.5;
      return data.bouts.map((bouts, person) => {
        const doing = bouts.filter(([start, stop]) => start <= ms && ms < stop).map(([, , action]) => data.actions[action]);
        return `${data.tracks[person]}${doing.length ? `: ${doing.join(", ")}${data.coded[person] ? " (human)" : ""}` : ""}`;
      });
    },
  };
};
