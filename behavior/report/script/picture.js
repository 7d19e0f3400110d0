// Draws people into a canvas that lies over the video.
import { NOWHERE, lastUpTo, rowAt } from "./motion.js";

const INK = "#14161a";
const TRAIL_S = 2;

const tint = (colour) => {
  const part = (at) => { const v = parseInt(colour.slice(at, at + 2), 16); return Math.round(v + (255 - v) * 0.65); };
  return `rgb(${part(1)},${part(3)},${part(5)})`;
};

// False where the part of the frame is not there yet. what: { skeleton, numbers, boxes, trails, parts } true or false; tags: text of each person, or null.
export const drawPeople = (canvas, motion, frame, { size, colours, what, tags, only }) => {
  const part = motion.partOf(frame), people = motion.parts[part];
  if (!people) return false;
  const context = canvas.getContext("2d");
  const scale = (canvas.width / size[0]) * motion.unit;
  const line = Math.max(2, canvas.width / 320);
  context.lineCap = context.lineJoin = "round";
  const middle = (joints, row) => {
    let x = 0, y = 0, n = 0;
    for (const j of motion.trunk) {
      const [xs, ys] = joints[j];
      if (xs[row] !== NOWHERE) { x += xs[row]; y += ys[row]; n += 1; }
    }
    return n ? [(x / n) * scale, (y / n) * scale] : null;
  };
  people.forEach(({ places, joints }, person) => {
    context.globalAlpha = only === null || only === person ? 1 : 0.25;
    const colour = colours[person], pale = tint(colour);
    if (what.trails) {
      const since = motion.times[frame] - TRAIL_S;
      context.strokeStyle = colour; context.lineWidth = line; context.beginPath();
      let pen = false;
      for (let k = part; motion.parts[k] && motion.times[Math.min((k + 1) * motion.part, motion.frames) - 1] >= since; k -= 1) {
        const then = motion.parts[k][person];
        for (let row = lastUpTo(then.places, frame); row >= 0 && motion.times[then.places[row]] >= since; row -= 1) {
          const point = middle(then.joints, row);
          if (!point) { pen = false; continue; }
          if (pen) context.lineTo(...point); else context.moveTo(...point);
          pen = true;
        }
      }
      context.stroke();
    }
    const row = rowAt(motion, people[person], frame);
    if (row < 0) return;
    const at = (j) => (joints[j][0][row] === NOWHERE ? null : [joints[j][0][row] * scale, joints[j][1][row] * scale]);
    const points = joints.map((_, j) => at(j));
    const side = (j) => (motion.right.includes(j) ? pale : colour);
    const strokes = (limbs, width, style) => {
      context.lineWidth = width;
      for (const [a, b] of limbs) {
        if (!points[a] || !points[b]) continue;
        context.strokeStyle = style ?? side(b);
        context.beginPath(); context.moveTo(...points[a]); context.lineTo(...points[b]); context.stroke();
      }
    };
    const isBody = (limb) => Math.max(...limb) < motion.body;
    if (what.skeleton) {
      const body = motion.limbs.filter(isBody);
      strokes(body, line + 2, INK);
      strokes(body, line);
      points.slice(0, motion.body).forEach((point, j) => {
        if (!point) return;
        for (const [radius, fill] of [[line + 1, INK], [line, side(j)]]) {
          context.fillStyle = fill; context.beginPath(); context.arc(...point, radius, 0, 7); context.fill();
        }
      });
    }
    if (what.parts) strokes(motion.limbs.filter((limb) => !isBody(limb)), Math.max(1, line / 3));
    const known = points.filter(Boolean);
    if (!known.length) return;
    const xs = known.map(([x]) => x), ys = known.map(([, y]) => y);
    const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
    if (what.boxes) {
      context.strokeStyle = colour; context.lineWidth = Math.max(1, line / 2);
      context.strokeRect(left, top, right - left, bottom - top);
    }
    if (what.numbers && tags[person]) {
      const height = Math.max(15, canvas.width / 60);
      context.font = `${0.75 * height}px sans-serif`;
      const width = context.measureText(tags[person]).width + 0.6 * height;
      const x = Math.max(0, Math.min((left + right - width) / 2, canvas.width - width));
      const y = Math.max(0, top - 0.1 * (bottom - top) - height);
      context.fillStyle = colour; context.fillRect(x, y, width, height);
      context.fillStyle = INK; context.textBaseline = "middle"; context.fillText(tags[person], x + 0.3 * height, y + 0.53 * height);
    }
  });
  context.globalAlpha = 1;
  return true;
};
