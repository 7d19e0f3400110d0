// What is drawn over the video, the switches for it, frame steps, speed, loop and the keys for them.
import { frameAt } from "./motion.js";
import { drawPeople } from "./picture.js";

export const openStage = async (data, player, motion, { tagsAt, onlyPerson }) => {
  const canvas = document.getElementById("drawing");
  if (!canvas) return;
  const boxes = [...document.querySelectorAll(".switches [data-what]")];
  const where = document.getElementById("frame");
  let frame = 0, printing = false;
  const redraw = () => {
    const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const width = Math.round((box.width || 960) * ratio), height = Math.round((width * data.size[1]) / data.size[0]);
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (printing && !player.lost && player.video.readyState >= 2) context.drawImage(player.video, 0, 0, width, height);
    const what = Object.fromEntries(boxes.map((each) => [each.dataset.what, each.checked]));
    const drawn = drawPeople(canvas, motion, frame, { size: data.size, colours: data.colours, what, tags: tagsAt(motion.times[frame]), only: onlyPerson() });
    canvas.dataset.frame = drawn ? motion.numbers[frame] : "";
  };
  const show = (time) => {
    frame = frameAt(motion, time);
    where.textContent = `${motion.numbers[frame]}`;
    redraw();
    return motion.want(frame, redraw);
  };
  player.onTime(show);
  for (const each of boxes) each.addEventListener("change", () => redraw());
  new ResizeObserver(() => redraw()).observe(canvas);
  for (const [event, on] of [["beforeprint", true], ["afterprint", false]]) window.addEventListener(event, () => { printing = on; redraw(); });
  player.times = motion.times;
  await show(player.time);
};

export const openControls = (player) => {
  const bar = document.querySelector(".steps");
  if (!bar) return;
  bar.addEventListener("click", (event) => {
    const by = event.target.closest("[data-step]")?.dataset.step;
    if (by) player.step(Number(by));
  });
  bar.querySelector("#speed").addEventListener("change", (event) => { if (player.video) player.video.playbackRate = Number(event.target.value); });
  document.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea, video, [contenteditable]")) return;
    const inLane = target.closest(".lane") !== null;
    const act = {
      " ": () => player.toggle(), k: () => player.toggle(),
      j: () => player.seek(player.time - 5), l: () => player.seek(player.time + 5),
      ",": () => player.step(-1), ".": () => player.step(1),
      ArrowLeft: inLane ? null : () => player.step(event.shiftKey ? -10 : -1),
      ArrowRight: inLane ? null : () => player.step(event.shiftKey ? 10 : 1),
    }[event.key];
    if (!act || (event.key === " " && target.closest("button, summary, a, .lane"))) return;
    if (event.key.startsWith("Arrow") && target.closest(".wide, .scroll")) return;
    event.preventDefault();
    act();
  });
};
