// What the machine is least sure of: its bouts that nobody coded, changed or confirmed here.
const key = ({ action, start, stop, mark }) => JSON.stringify([action, start, stop, mark]);

// Gives the next of them each time it is asked, the lowest score first: { person, place, score, at, of }; null for none.
export const openDoubts = (data, corrections) => {
  const scores = corrections.first.map((bouts, person) => (
    new Map(bouts.flatMap((bout, i) => (data.bouts[person][i][5] ? [] : [[key(bout), data.bouts[person][i][3]]])))));
  const shown = new Set();
  return () => {
    const open = corrections.now.flatMap((bouts, person) => bouts.flatMap((bout, place) => {
      const score = scores[person].get(key(bout));
      return score === undefined ? [] : [{ person, place, score, name: `${person} ${key(bout)}` }];
    })).sort((a, b) => a.score - b.score || a.person - b.person || a.place - b.place);
    if (!open.length) return null;
    if (open.every(({ name }) => shown.has(name))) shown.clear();
    const next = open.find(({ name }) => !shown.has(name));
    shown.add(next.name);
    return { ...next, at: open.indexOf(next) + 1, of: open.length };
  };
};
