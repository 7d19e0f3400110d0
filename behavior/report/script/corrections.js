// The bouts of everyone as a human corrects them: every change can be taken back. Plain data, no page.
// A bout is { action, start, stop, mark }: seconds of the source, mark "", "confirmed" or "not sure".

const SLIVER = 0.001; // seconds; label files round

const byTime = (bouts) => [...bouts].sort((a, b) => a.start - b.start || a.stop - b.stop);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

const united = (spans) => spans.sort(([a], [b]) => a - b).reduce((found, [from, to]) => {
  const last = found.at(-1);
  if (last && from <= last[1] + SLIVER) last[1] = Math.max(last[1], to); else found.push([from, to]);
  return found;
}, []);

export class Corrections {
  // `coded`: of each person, from when to when a human had said something before.
  constructor(people, coded = people.map(() => [])) {
    this.coded = coded;
    this.first = people.map(byTime);
    this.now = [...this.first];
    this.past = [];
    this.future = [];
  }

  change(person, bouts) {
    const after = byTime(bouts), before = this.now[person];
    if (same(before, after)) return false;
    this.past.push({ person, before, after });
    this.future = [];
    this.now[person] = after;
    return true;
  }

  // The person whose bouts changed; null when there is nothing to take back.
  undo() {
    const last = this.past.pop();
    if (!last) return null;
    this.future.push(last);
    this.now[last.person] = last.before;
    return last.person;
  }

  redo() {
    const next = this.future.pop();
    if (!next) return null;
    this.past.push(next);
    this.now[next.person] = next.after;
    return next.person;
  }

  // What a human says of a person: the bouts where one was changed, here or before, and "unknown" where there is none.
  said(person) {
    const [before, now] = [this.first[person], this.now[person]];
    const others = (bouts, than) => bouts.filter((bout) => !than.some((each) => same(each, bout))).map(({ start, stop }) => [start, stop]);
    const spans = united([...this.coded[person].map((span) => [...span]), ...others(before, now), ...others(now, before)]);
    return spans.flatMap(([from, to]) => {
      const cut = (bout) => (bout.start >= from - SLIVER && bout.stop <= to + SLIVER ? bout
        : { ...bout, start: Math.max(bout.start, from), stop: Math.min(bout.stop, to), mark: "" });
      const inside = now.map(cut).filter(({ start, stop }) => stop - start > SLIVER);
      const taken = united([[from, from], ...inside.map(({ start, stop }) => [start, stop]), [to, to]]);
      const empty = taken.slice(1).map(([start], at) => ({ action: "unknown", start: taken[at][1], stop: start, mark: "" }));
      return byTime([...inside, ...empty]);
    });
  }

  // People whose bouts are not what they were.
  get changed() { return this.now.flatMap((bouts, person) => (same(bouts, this.first[person]) ? [] : [person])); }
}

// What a bout gives way to: the part of [start, stop) that a new one of the same action covers is not there twice.
export const withoutOverlap = (bouts, kept) => bouts.flatMap((bout) => {
  if (bout === kept || bout.action !== kept.action || bout.stop <= kept.start || bout.start >= kept.stop) return [bout];
  const parts = [];
  if (bout.start < kept.start) parts.push({ ...bout, stop: kept.start });
  if (bout.stop > kept.stop) parts.push({ ...bout, start: kept.stop });
  return parts;
});

// A cell of a CSV file; where a spreadsheet would run it as a formula, an apostrophe stands before it.
const cell = (value) => {
  let text = String(value);
  if (typeof value === "string" && /^'*[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
export const table = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

// The file for `posescribe labels import`: what is said of the people that were corrected.
export const labelsCsv = (corrections, { recording, source, tracks, coder }) => table([
  ["recording", "track_id", "action", "start_s", "stop_s", "comment", "coder", "source_sha256"],
  ...corrections.changed.flatMap((person) => corrections.said(person).map(({ action, start, stop, mark }) =>
    [recording, tracks[person], action, start.toFixed(6), stop.toFixed(6), mark, coder, source])),
]);

// The file for `posescribe tracks apply`.
export const tracksCsv = (edits) => table([
  ["action", "person", "other", "frame", "decision"],
  ...edits.map(({ action, person, other = "", frame = "" }) => [action, person, other, frame, ""]),
]);

// Two people who were taken for each other from a frame on.
export const swapFrom = (one, other, frame, tracks) => {
  const free = Math.max(...tracks) + 1;
  return [
    { action: "split", person: one, other: free, frame },
    { action: "split", person: other, other: free + 1, frame },
    { action: "merge", person: one, other: free + 1 },
    { action: "merge", person: other, other: free },
  ];
};
