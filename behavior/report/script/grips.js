// The ends of the chosen bout: dragged by mouse, pen or finger, or moved by arrow keys, a frame or (with Shift) ten at a time.
// `frame` lies over the bout in its lane; times are seconds of the source.
import { clock } from "./clock.js";

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };

// Gives what tells the ends of the bout that is chosen now, and of whom it is.
export const openGrips = (frame, { data, bout, snap, step, look, drop }) => {
  const span = data.stop - data.start, grips = {};
  let moved = null; // the bout as it would be
  const place = ({ start, stop }) => {
    frame.style.left = `${(100 * (start - data.start)) / span}%`;
    frame.style.width = `${(100 * (stop - start)) / span}%`;
    for (const [end, time] of [["start", start], ["stop", stop]]) {
      grips[end].setAttribute("aria-valuenow", time.toFixed(3));
      grips[end].setAttribute("aria-valuetext", clock(time, 2));
    }
  };
  for (const end of ["start", "stop"]) {
    const grip = document.createElement("i");
    const move = (time) => {
      const after = { ...moved, [end]: time };
      if (!(after.stop > after.start) || time === moved[end]) return;
      moved = after;
      place(moved);
      look(end, time);
    };
    const settle = () => {
      const time = moved?.[end];
      moved = null;
      if (time === undefined || time === bout()?.[end]) return false;
      drop({ [end]: time });
      return true;
    };
    grips[end] = grip;
    grip.className = `grip ${end}`;
    grip.tabIndex = 0;
    for (const [name, value] of Object.entries({ role: "slider", "aria-valuemin": data.start, "aria-valuemax": data.stop, "aria-valuenow": data.start })) grip.setAttribute(name, value);
    grip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !bout()) return;
      event.preventDefault();
      grip.setPointerCapture(event.pointerId);
      moved = { ...bout() };
    });
    grip.addEventListener("pointermove", (event) => {
      event.stopPropagation(); // the lane tells of what is under the pointer
      if (!moved) return;
      const box = frame.parentElement.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      move(snap(data.start + share * span));
    });
    grip.addEventListener("pointerup", settle);
    grip.addEventListener("pointercancel", () => { moved = null; if (bout()) place(bout()); });
    grip.addEventListener("click", (event) => event.stopPropagation());
    grip.addEventListener("keydown", (event) => {
      const by = STEPS[event.key];
      if (by === undefined || event.ctrlKey || event.metaKey || event.altKey || !bout()) return;
      event.preventDefault();
      event.stopPropagation(); // in the lane they go from bout to bout
      moved ??= { ...bout() };
      move(step(moved[end], event.shiftKey ? 10 * Math.sign(by) : by));
    });
    // One change, to be undone at once, however long a key was held. The frame is drawn anew then, which takes the focus.
    grip.addEventListener("keyup", (event) => { if (event.key in STEPS && settle()) grip.focus(); });
    grip.addEventListener("blur", settle);
    frame.append(grip);
  }
  return (person) => {
    moved = null; // what was moved is not the bout that is chosen now
    if (!bout()) return;
    for (const [end, word] of [["start", "Start"], ["stop", "End"]]) grips[end].setAttribute("aria-label", `${word} of ${bout().action}, ${person}`);
    place(bout());
  };
};
