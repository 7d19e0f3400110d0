"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const video = document.getElementById("video");
  const ethogram = document.getElementById("ethogram");
  const span = data.stop - data.start;

  const clock = (seconds, decimals) => {
    const whole = 10 ** decimals, ticks = Math.round(seconds * whole), s = Math.floor(ticks / whole);
    const two = (n) => String(n).padStart(2, "0");
    const head = s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}` : `${Math.floor(s / 60)}`;
    return `${head}:${two(s % 60)}` + (decimals ? "." + String(ticks % whole).padStart(decimals, "0") : "");
  };

  // A hair past the frame's own time, so that rounding never shows the frame before it.
  const seek = (time) => { if (video) video.currentTime = Math.max(0, time - data.videoStart) + 0.001; };

  for (const button of document.querySelectorAll(".seek")) {
    button.addEventListener("click", () => {
      seek(Number(button.dataset.time));
      video.scrollIntoView({ block: "nearest" });
    });
  }
  if (!ethogram) return;

  const scroll = document.getElementById("scroll");
  const playhead = document.getElementById("playhead");
  const readout = document.getElementById("readout");
  const axis = document.getElementById("axis");
  const lanes = [...ethogram.querySelectorAll(".lane")];

  // ---- playhead
  const show = (time) => {
    playhead.hidden = false;
    playhead.style.left = `${100 * Math.min(1, Math.max(0, (time - data.start) / span))}%`;
    if (zoom > 1 && video && !video.paused) {
      const x = playhead.offsetLeft;
      if (x < scroll.scrollLeft || x > scroll.scrollLeft + axis.parentElement.parentElement.parentElement.clientWidth * 0.8) scroll.scrollLeft = x - 40;
    }
  };
  let zoom = 1;
  if (video) {
    const follow = () => show(video.currentTime + data.videoStart);
    for (const event of ["loadedmetadata", "seeking", "seeked", "timeupdate"]) video.addEventListener(event, follow);
    const onFrame = (_, frame) => { show(frame.mediaTime + data.videoStart); video.requestVideoFrameCallback(onFrame); };
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(onFrame);
  }

  // ---- bouts: [start ms, stop ms, action, score %, row], by start
  const chosen = document.createElement("div");
  chosen.className = "chosen";
  const choose = (person, bout) => {
    const [start, stop, action, score, row] = bout;
    chosen.style.cssText = `left:${start / span / 10}%;width:${(stop - start) / span / 10}%;top:${22 * row}px;height:22px`;
    lanes[person].append(chosen);
    const times = [start, stop].map((ms) => clock(data.start + ms / 1000, 2)).join(" to ");
    readout.textContent = `${data.people[person]}: ${data.actions[action]}, ${times} (${((stop - start) / 1000).toFixed(2)} s), score ${(score / 100).toFixed(2)}`;
    seek(data.start + start / 1000);
    if (!video) show(data.start + start / 1000);
  };
  const timeAt = (track, event) => {
    const box = track.getBoundingClientRect();
    return 1000 * span * Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  lanes.forEach((lane, person) => {
    const bouts = data.bouts[person];
    let current = -1;
    lane.addEventListener("click", (event) => {
      const box = lane.getBoundingClientRect(), ms = timeAt(lane, event), slack = 3000 * span / box.width;
      const row = Math.floor((event.clientY - box.top) / 22);
      const distance = ([start, stop, , , r]) => r === row ? Math.max(start - ms, ms - stop, 0) : Infinity;
      let best = -1, least = slack;
      bouts.forEach((bout, i) => { const d = distance(bout); if (d < least || (d === 0 && least === 0)) { best = i; least = d; } });
      if (best >= 0) { current = best; choose(person, bouts[best]); return; }
      chosen.remove();
      readout.textContent = `${data.people[person]}, ${clock(data.start + ms / 1000, 2)}: no action named`;
      seek(data.start + ms / 1000);
    });
    lane.addEventListener("keydown", (event) => {
      const next = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: bouts.length - 1 }[event.key];
      if (event.key === " " && video) { event.preventDefault(); video.paused ? video.play() : video.pause(); }
      if (next === undefined || !bouts.length) return;
      event.preventDefault();
      current = Math.min(bouts.length - 1, Math.max(0, next));
      choose(person, bouts[current]);
    });
  });
  axis.addEventListener("pointerdown", (event) => {
    axis.setPointerCapture(event.pointerId);
    seek(data.start + timeAt(axis, event) / 1000);
  });
  axis.addEventListener("pointermove", (event) => { if (event.buttons) seek(data.start + timeAt(axis, event) / 1000); });

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
    const width = axis.clientWidth, room = span >= 3600 ? 62 : 52;
    const step = steps.find((s) => (s / span) * width >= room) ?? 86400 * Math.ceil((span * room) / width / 86400);
    const decimals = Math.max(0, Math.ceil(-Math.log10(step)));
    const marks = [];
    for (let k = Math.ceil(data.start / step - 1e-9); k * step <= data.stop + 1e-9 && marks.length < 4000; k += 1) {
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
})();
