// What moves: the joints of everyone in every frame, and curves over time. See behavior/report/motion.py.
import { columnReader } from "./columns.js";

const RESTS_MS = 100;

export const NOWHERE = -32768;

// The last place whose value is not above `wanted`; -1 before the first.
export const lastUpTo = (sorted, wanted) => {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= wanted) low = middle + 1; else high = middle;
  }
  return low - 1;
};

// What an axis goes from and to; around a value that never changes.
export const spread = (low, high) => (high > low ? { low, high } : { low: low - (Math.abs(low) / 10 || 1), high: high + (Math.abs(high) / 10 || 1) });

// `block` gives the bytes of a block by its name. The joints come in parts of equal time, when they are wanted.
export const openMotion = async (about, block) => {
  const column = columnReader(await block("motion"));
  const times = column(about.frames).map((ticks) => ticks * about.tick);
  const numbers = column(about.frames);
  const curves = about.curves.map(({ name, unit, low, step, points, people }) => ({
    name, unit, ...spread(low, low + 1000 * step),
    values: Array.from({ length: people }, () => column(points).map((level) => low + level * step)),
  }));
  const parts = [], underWay = new Map(), last = Math.max(0, Math.ceil(about.frames / about.part) - 1);
  let wanted = 0;
  const read = async (part) => {
    const next = columnReader(await block(`motion-${part}`));
    parts[part] = [...next(about.people, Int32Array)].map((n) => {
      const places = next(n, Int32Array, -1);
      return { places, joints: Array.from({ length: about.joints }, () => [next(n, Int16Array, NOWHERE), next(n, Int16Array, NOWHERE)]) };
    });
  };
  const load = (part) => {
    if (part < 0 || part > last || parts[part]) return null;
    if (!underWay.has(part)) underWay.set(part, read(part).finally(() => underWay.delete(part)));
    return underWay.get(part);
  };
  const partOf = (frame) => Math.floor(frame / about.part);
  // Has the part of a frame read, then its neighbours: where the play head will be, and was. `arrived` is told.
  const want = async (frame, arrived = () => {}) => {
    const part = partOf(frame), coming = load(part);
    wanted = part;
    try {
      if (coming) { await coming; arrived(); }
    } catch { return; } // asked for again with the next frame; the studio's bar says what is wrong
    setTimeout(() => { // not while somebody drags through all of them
      if (wanted !== part) return;
      load(part + 1)?.catch(() => {});
      load(part - 1)?.then(arrived).catch(() => {}); // trails come from there
    }, RESTS_MS);
  };
  return { ...about, times, numbers, curves, partOf, want, parts };
};

// Place of the frame on screen at a time; half a millisecond of rounding is forgiven.
export const frameAt = (motion, time) => Math.max(0, lastUpTo(motion.times, time + 0.0005));

// The row of a person's part in a frame; -1 where they were not found.
export const rowAt = (motion, { places }, frame) => {
  const place = frame - (frame % motion.every), row = lastUpTo(places, place);
  return row >= 0 && places[row] === place ? row : -1;
};

// Where the n points of a curve lie, 0 to 1 of the time on the page, and which of them tells of a time: each of a frame, or of equal shares.
export const pointsOf = (data, motion, n) => {
  const span = data.stop - data.start;
  return n === motion.frames
    ? { share: (i) => (motion.times[i] - data.start) / span, at: (time) => frameAt(motion, time) }
    : { share: (i) => (i + 0.5) / n, at: (time) => Math.min(n - 1, Math.max(0, Math.floor(((time - data.start) / span) * n + 1e-6))) };
};

// The line through points first to behind, their means where they are more than `most`; broken where nothing is known.
export const lineOf = (values, share, { first = 0, behind = values.length, most }, x, y) => {
  const step = Math.max(1, Math.ceil((behind - first) / most));
  let line = "", pen = "M";
  for (let from = first; from < behind; from += step) {
    const to = Math.min(behind, from + step);
    let sum = 0, n = 0;
    for (let i = from; i < to; i += 1) if (!Number.isNaN(values[i])) { sum += values[i]; n += 1; }
    if (!n) { pen = "M"; continue; }
    line += `${pen}${x((share(from) + share(to - 1)) / 2)} ${y(sum / n)}`;
    pen = "L";
  }
  return line;
};
