// The ethogram: one line per person, bouts to click and to walk through by keys, playhead, zoom, one action at a time.
import { clock } from "./clock.js";
import { openEvidence } from "./evidence.js";

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

  // ---- bouts: [start ms, stop ms, action, score %, row], by start; with a mark where a human said something of it
  const ROW = 22, PRESENCE = 5, HAND = "coded by hand";
  const first = [...data.bouts]; // before anything was corrected
  const chosen = document.createElement("div");
  chosen.className = "chosen";
  let last = null; // start and stop of the bout that was chosen last
  document.getElementById("loop")?.addEventListener("change", (event) => { player.loop = event.target.checked ? last : null; });
  const explain = openEvidence(data);
  const tell = (person, bout) => {
    const [start, stop, action, score, , mark] = bout;
    explain(bout);
    const times = [start, stop].map((ms) => clock(data.start + ms / 1000, 2)).join(" to ");
    readout.textContent = `${data.people[person]}: ${data.actions[action]}, ${times} (${((stop - start) / 1000).toFixed(2)} s), ${mark ?? `score ${(score / 100).toFixed(2)}`}`;
  };
  const go = player.seek;
  let chose = () => {};
  const frame = (person, [start, stop, , , row]) => {
    chosen.style.cssText = `left:${start / span / 10}%;width:${(stop - start) / span / 10}%;top:${ROW * row}px;height:${ROW}px`;
    lanes[person].append(chosen);
  };
  const choose = (person, bout) => {
    const [start, stop] = bout;
    frame(person, bout);
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
    let current = -1;
    lane.addEventListener("pointermove", (event) => {
      const i = boutAt(person, event);
      if (i >= 0) tell(person, data.bouts[person][i]);
    });
    lane.addEventListener("click", (event) => {
      const i = boutAt(person, event);
      current = i;
      chose(person, i);
      if (i >= 0) { choose(person, data.bouts[person][i]); return; }
      const time = data.start + msAt(lane, event) / 1000;
      chosen.remove();
      explain(null);
      readout.textContent = `${data.people[person]}, ${clock(time, 2)}` + (data.actions.length ? ": no action named" : "");
      go(time);
    });
    lane.addEventListener("focus", () => { if (current < 0) chose(person, -1); });
    lane.addEventListener("keydown", (event) => {
      const bouts = data.bouts[person];
      const next = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: bouts.length - 1 }[event.key];
      if (event.key === " ") { event.preventDefault(); player.toggle(); }
      if (next === undefined || !bouts.length) return;
      event.preventDefault();
      current = Math.min(bouts.length - 1, Math.max(0, next));
      choose(person, bouts[current]);
      chose(person, current);
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
  // What of the time can be seen, 0 to 1.
  const viewers = [];
  const tellView = (viewer) => {
    const width = axis.clientWidth || 1, room = scroll.clientWidth - axis.offsetLeft;
    viewer(scroll.scrollLeft / width, Math.min(1, (scroll.scrollLeft + room) / width));
  };
  const viewed = () => viewers.forEach(tellView);
  scroll.addEventListener("scroll", viewed, { passive: true });
  const redraw = () => { drawTicks(); fitLabels(); viewed(); };
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

  // ---- a lane drawn anew
  const rows = (bouts) => { // the lowest free row of each
    const ends = [];
    return bouts.map(([start, stop]) => {
      let row = ends.findIndex((end) => end <= start);
      if (row < 0) row = ends.length;
      ends[row] = stop;
      return row;
    });
  };
  const paint = (person) => {
    const lane = lanes[person], svg = lane.querySelector("svg"), bouts = data.bouts[person];
    const height = ROW * Math.max(1, ...bouts.map(([, , , , row]) => row + 1));
    for (const old of lane.querySelectorAll(".bout, .label")) old.remove();
    for (const each of lane.querySelectorAll(".nothing")) each.hidden = bouts.length > 0;
    lane.setAttribute("aria-label", `${data.people[person]}: ${bouts.length || "no"} ${bouts.length === 1 ? "bout" : "bouts"}. Left and right arrow keys go from bout to bout.`);
    // The band of presence stays where the server drew it, moved down; the drawing is as high as both.
    if (lane.dataset.height === undefined) lane.dataset.height = svg.viewBox.baseVal.height;
    for (const each of svg.querySelectorAll(".present")) each.setAttribute("transform", `translate(0 ${height + PRESENCE - Number(lane.dataset.height)})`);
    svg.setAttribute("viewBox", `0 0 100000 ${height + PRESENCE}`);
    lane.style.height = `${height + PRESENCE}px`;
    for (const [start, stop, action, , row] of bouts) {
      const left = start / span / 10, width = (stop - start) / span / 10, tone = `a${action % 9}${action >= 18 ? " faint" : action >= 9 ? " pale" : ""}`;
      const bar = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const x = Math.round(1000 * left), w = Math.max(1, Math.round(1000 * (left + width)) - x);
      bar.setAttribute("class", `bout ${tone}`);
      bar.setAttribute("d", `M${x} ${row * ROW + 1}h${w}v${ROW - 2}h-${w}z`);
      bar.dataset.rank = action;
      svg.append(bar);
      const label = document.createElement("span"), name = document.createElement("b");
      label.className = `label ${tone}`;
      label.style.cssText = `left:${left}%;width:${width}%;top:${row * ROW}px`;
      name.textContent = data.actions[action];
      label.append(name);
      lane.append(label);
    }
    fitLabels();
  };

  return {
    chosen, // the frame around the chosen bout
    choose: (person, place) => {
      choose(person, data.bouts[person][place]);
      chose(person, place);
      chosen.scrollIntoView({ block: "nearest", inline: "center" });
    },
    onView: (viewer) => { viewers.push(viewer); tellView(viewer); },
    // Another person's bout is chosen: (person, place of the bout; -1 for none).
    onChoose: (listener) => { chose = listener; },
    // A person's bouts as a human has them: { action, start, stop, mark }, by time.
    replace: (person, bouts, edited) => {
      const news = bouts.map(({ action, start, stop, mark }) => {
        if (!data.actions.includes(action)) data.actions.push(action);
        return [1000 * (start - data.start), 1000 * (stop - data.start), data.actions.indexOf(action), 100, 0, mark || "corrected here"];
      });
      rows(news).forEach((row, i) => { news[i][4] = row; });
      data.bouts[person] = edited ? news : first[person];
      lanes[person].classList.toggle("edited", edited);
      chosen.remove();
      explain(null);
      readout.textContent = ""; // it told of what is gone
      paint(person);
    },
    mark: (person, place) => { if (place >= 0) { frame(person, data.bouts[person][place]); tell(person, data.bouts[person][place]); } },
    // One person before the others; null for all.
    pick: (person) => lanes.forEach((lane, i) => lane.classList.toggle("aside", person !== null && i !== person)),
    // What stands beside each person in the picture: number, and actions at that time.
    tagsAt: (time) => {
      const ms = 1000 * (time - data.start) + 0.5;
      return data.bouts.map((bouts, person) => {
        const doing = bouts.filter(([start, stop]) => start <= ms && ms < stop).map(([, , action, , , mark]) => `${data.actions[action]}${mark === HAND ? " (human)" : ""}`);
        return `${data.tracks[person]}${doing.length ? `: ${doing.join(", ")}` : ""}`;
      });
    },
  };
};
