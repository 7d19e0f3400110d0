// The ends of the chosen bout, to be dragged by mouse, pen or finger; [ and ] do the same by keys.
// `frame` lies over the bout in its lane; times are seconds of the source.
export const openGrips = (frame, { data, bout, snap, look, drop }) => {
  const span = data.stop - data.start;
  const place = ({ start, stop }) => {
    frame.style.left = `${(100 * (start - data.start)) / span}%`;
    frame.style.width = `${(100 * (stop - start)) / span}%`;
  };
  for (const end of ["start", "stop"]) {
    const grip = document.createElement("i");
    let moved = null; // the bout as it would be
    grip.className = `grip ${end}`;
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
      const after = { ...moved, [end]: snap(data.start + share * span) };
      if (!(after.stop > after.start) || after[end] === moved[end]) return;
      moved = after;
      place(moved);
      look(end, moved[end]);
    });
    grip.addEventListener("pointerup", () => {
      const time = moved?.[end];
      moved = null;
      if (time !== undefined && time !== bout()?.[end]) drop({ [end]: time });
    });
    grip.addEventListener("pointercancel", () => { moved = null; if (bout()) place(bout()); });
    grip.addEventListener("click", (event) => event.stopPropagation());
    frame.append(grip);
  }
};
