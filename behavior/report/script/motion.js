// What moves: the joints of everyone in every frame, and curves over time. See behavior/report/motion.py.
import { readColumns } from "./columns.js";

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

export const readMotion = async (about, text) => {
  const column = await readColumns(text);
  const times = column(about.frames).map((ticks) => ticks * about.tick);
  const numbers = column(about.frames);
  const people = about.people.map((n) => {
    const places = column(n, Int32Array, -1);
    const joints = [];
    for (let j = 0; j < about.joints; j += 1) joints.push([column(n, Int16Array, NOWHERE), column(n, Int16Array, NOWHERE)]);
    return { places, joints };
  });
  const curves = about.curves.map(({ name, unit, low, step, points }) => ({
    name, unit, low, high: low + 1000 * step,
    values: about.people.map(() => column(points).map((level) => low + level * step)),
  }));
  return { ...about, times, numbers, people, curves };
};

// Place of the frame on screen at a time; half a millisecond of rounding is forgiven.
export const frameAt = (motion, time) => Math.max(0, lastUpTo(motion.times, time + 0.0005));

// The row of a person in a frame; -1 where they were not found.
export const rowAt = (motion, person, frame) => {
  const place = frame - (frame % motion.every), { places } = motion.people[person];
  const row = lastUpTo(places, place);
  return row >= 0 && places[row] === place ? row : -1;
};
