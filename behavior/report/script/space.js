// People in space: a view that can be turned, in the time of the recording, and where they are on the floor plan.
import { clock } from "./clock.js";

const MISSING = -32768, TRAIL_S = 2;
const scene = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const canvas = byId("view"), context = canvas.getContext("2d"), slider = byId("time");
const people = scene.people.map((one) => {
  const bytes = Uint8Array.from(atob(one.points), (letter) => letter.charCodeAt(0)), view = new DataView(bytes.buffer);
  return { ...one, at: (index) => view.getInt16(2 * index, true) };
});
const low = scene.low, high = scene.high, middle = low.map((value, i) => (value + high[i]) / 2);
const floor = low[2], reach = Math.max(1, Math.hypot(...low.map((value, i) => high[i] - value)));
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const state = { frame: 0, turn: -0.6, tilt: 0.35, away: 1.5 * reach, playing: false, from: 0, begun: 0 };

// (x, y, z) of a joint, metres, or null.
const joint = (person, frame, k) => {
  const start = 3 * (frame * scene.joints + k), steps = [0, 1, 2].map((i) => person.at(start + i));
  return steps[0] === MISSING ? null : steps.map((value, i) => scene.origin[i] + value * scene.step);
};

// The middle of the trunk: the mean of those of its joints that are there, or null.
const place = (person, frame) => {
  const known = scene.trunk.map((k) => joint(person, frame, k)).filter(Boolean);
  return known.length ? [0, 1, 2].map((i) => known.reduce((sum, point) => sum + point[i], 0) / known.length) : null;
};

// Pixels and depth of a point: a camera that looks at the middle of the scene, z up.
const project = (point) => {
  const [x, y, z] = point.map((value, i) => value - middle[i]);
  const right = x * Math.cos(state.turn) + y * Math.sin(state.turn), ahead = -x * Math.sin(state.turn) + y * Math.cos(state.turn);
  const up = z * Math.cos(state.tilt) + ahead * Math.sin(state.tilt), depth = state.away + ahead * Math.cos(state.tilt) - z * Math.sin(state.tilt);
  if (depth < 0.1) return null;
  const zoom = 1.2 * Math.min(canvas.clientWidth, canvas.clientHeight) / depth;
  return [canvas.clientWidth / 2 + right * zoom, canvas.clientHeight / 2 - up * zoom, depth, zoom];
};

const line = (from, to, colour, width) => {
  const a = project(from), b = project(to);
  if (!a || !b) return;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(a[0], a[1]);
  context.lineTo(b[0], b[1]);
  context.stroke();
};

const text = (at, words, colour) => {
  const a = project(at);
  if (!a) return;
  context.fillStyle = colour;
  context.font = "600 12px sans-serif";
  context.textAlign = "center";
  context.fillText(words, a[0], a[1] - 6);
};

const drawFloor = () => {
  const [left, right, near, far] = [Math.floor(low[0] - 0.5), Math.ceil(high[0] + 0.5), Math.floor(low[1] - 0.5), Math.ceil(high[1] + 0.5)];
  const step = Math.max(1, Math.ceil(Math.max(right - left, far - near) / 40)), rule = style("--hatch");
  for (let x = left; x <= right; x += step) line([x, near, floor], [x, far, floor], rule, 1);
  for (let y = near; y <= far; y += step) line([left, y, floor], [right, y, floor], rule, 1);
};

const drawCameras = () => {
  for (const camera of scene.cameras) {
    const tip = camera.at.map((value, i) => value + 0.35 * camera.view[i]);
    line(camera.at, tip, style("--soft"), 2);
    const a = project(camera.at);
    if (a) {
      context.fillStyle = style("--soft");
      context.fillRect(a[0] - 4, a[1] - 4, 8, 8);
    }
    text(camera.at, camera.name, style("--soft"));
  }
};

const mixed = (colour, share) => {
  const of = (i) => Math.round(255 - (255 - parseInt(colour.slice(i, i + 2), 16)) * share);
  return `rgb(${of(1)} ${of(3)} ${of(5)})`;
};

const drawPeople = () => {
  const limbs = [];
  for (const person of people) {
    for (const [a, b, side] of scene.limbs) {
      const from = joint(person, state.frame, a), to = joint(person, state.frame, b);
      const ends = from && to && [project(from), project(to)];
      if (ends && ends[0] && ends[1]) limbs.push({ from, to, colour: side < 0 ? mixed(person.colour, 0.55) : person.colour, depth: ends[0][2] + ends[1][2], zoom: ends[0][3] });
    }
    const here = place(person, state.frame);
    if (!here) continue;
    line(here, [here[0], here[1], floor], style("--rule"), 1);
    if (byId("paths").checked) {
      const now = scene.times[state.frame];
      for (let i = state.frame; i > 0 && scene.times[i - 1] >= now - TRAIL_S; i--) {
        const one = place(person, i), two = place(person, i - 1);
        if (one && two) line([one[0], one[1], floor], [two[0], two[1], floor], person.colour, 2);
      }
    }
  }
  context.lineCap = "round";
  for (const limb of limbs.sort((a, b) => b.depth - a.depth)) {
    line(limb.from, limb.to, "#16140f", Math.max(3, 0.06 * limb.zoom));
    line(limb.from, limb.to, limb.colour, Math.max(2, 0.045 * limb.zoom));
  }
  for (const person of people) {
    const tops = [...Array(scene.joints).keys()].map((k) => joint(person, state.frame, k)).filter(Boolean);
    if (tops.length) text(tops.reduce((best, point) => (point[2] > best[2] ? point : best)), String(person.name), style("--ink"));
  }
};

const plan = document.querySelector(".plan"), dots = [...document.querySelectorAll(".here")];
const drawPlan = () => {
  const scale = Number(plan.dataset.scale);
  for (const dot of dots) {
    const here = people.length && place(people[Number(dot.dataset.person)], state.frame);
    dot.setAttribute("visibility", here ? "visible" : "hidden");
    if (!here) continue;
    dot.setAttribute("cx", (here[0] - Number(plan.dataset.left)) * scale);
    dot.setAttribute("cy", (Number(plan.dataset.top) - here[1]) * scale);
  }
};

// The videos of the cameras, each sent to the frame that shows the time; while playing they run by themselves.
const films = [...document.querySelectorAll(".films video")];
const DRIFT_S = 0.12;
for (const film of films) {
  film.addEventListener("error", () => film.closest("figure").classList.add("lost"));
  film.addEventListener("loadedmetadata", () => showFilms());
}
const showFilms = () => {
  for (const film of films) {
    const wanted = Math.max(0, scene.times[state.frame] - Number(film.dataset.start)) + 0.001;
    if (Math.abs(film.currentTime - wanted) > (state.playing ? DRIFT_S : 0.0005)) film.currentTime = wanted;
  }
};
const playFilms = () => {
  for (const film of films) {
    film.playbackRate = Number(byId("speed").value);
    if (state.playing) film.play().catch(() => {}); // one that is missing says so itself
    else film.pause();
  }
};

const draw = () => {
  const dense = window.devicePixelRatio || 1, wide = Math.round(canvas.clientWidth * dense), tall = Math.round(canvas.clientHeight * dense);
  if (canvas.width !== wide || canvas.height !== tall) [canvas.width, canvas.height] = [wide, tall];
  context.setTransform(dense, 0, 0, dense, 0, 0);
  context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  drawFloor();
  drawCameras();
  drawPeople();
  drawPlan();
  showFilms();
  slider.value = String(state.frame);
  byId("now").textContent = clock(scene.times[state.frame], 2);
};

const show = (frame) => {
  state.frame = Math.min(Math.max(frame, 0), scene.times.length - 1);
  draw();
};

const begin = () => {
  state.from = scene.times[state.frame];
  state.begun = performance.now();
};

const play = (on) => {
  state.playing = on;
  byId("play").textContent = on ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", String(on));
  if (on && state.frame === scene.times.length - 1) state.frame = 0;
  playFilms();
  if (!on) { showFilms(); return; }
  begin();
  requestAnimationFrame(tick);
};

// The last frame whose time has come.
const tick = () => {
  if (!state.playing) return;
  const now = state.from + (performance.now() - state.begun) / 1000 * Number(byId("speed").value);
  let frame = state.frame;
  while (frame + 1 < scene.times.length && scene.times[frame + 1] <= now) frame++;
  show(frame);
  if (frame === scene.times.length - 1) play(false);
  else requestAnimationFrame(tick);
};

const look = (turn, tilt) => {
  state.turn = turn;
  state.tilt = Math.min(Math.max(tilt, -0.2), Math.PI / 2);
  draw();
};

const nearer = (factor) => {
  state.away = Math.min(Math.max(state.away * factor, 0.3 * reach), 12 * reach);
  draw();
};

canvas.addEventListener("pointerdown", (event) => canvas.setPointerCapture(event.pointerId));
canvas.addEventListener("pointermove", (event) => {
  if (event.buttons) look(state.turn + event.movementX / 150, state.tilt + event.movementY / 150);
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  nearer(Math.exp(event.deltaY / 800));
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const does = {
    ArrowLeft: () => look(state.turn - 0.1, state.tilt), ArrowRight: () => look(state.turn + 0.1, state.tilt),
    ArrowUp: () => look(state.turn, state.tilt + 0.1), ArrowDown: () => look(state.turn, state.tilt - 0.1),
    "+": () => nearer(0.9), "-": () => nearer(1 / 0.9), " ": () => play(!state.playing),
    ",": () => show(state.frame - 1), ".": () => show(state.frame + 1),
  }[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
byId("play").addEventListener("click", () => play(!state.playing));
byId("speed").addEventListener("change", () => { begin(); playFilms(); });
byId("paths").addEventListener("change", draw);
byId("above").addEventListener("click", () => look(0, Math.PI / 2));
byId("side").addEventListener("click", () => look(0, 0));
slider.addEventListener("input", () => {
  play(false);
  show(Number(slider.value));
});
window.addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
draw();
