// Where corrections are kept: in this browser, by recording and run, until they are exported.

export const browserStore = (data) => {
  const key = `posescribe ${data.run}`;
  return {
    load: async () => {
      try {
        const kept = JSON.parse(localStorage.getItem(key) ?? "null");
        if (!kept) return { people: [] };
        const people = Object.entries(kept.people).map(([track, bouts]) => [data.tracks.indexOf(Number(track)), bouts]).filter(([person]) => person >= 0);
        return { people, coder: kept.coder, told: `Corrections of ${kept.at} are shown again; they are kept in this browser only.` };
      } catch { return { people: [] }; }
    },
    save: async (_, corrections, coder) => {
      const people = Object.fromEntries(corrections.changed.map((person) => [data.tracks[person], corrections.now[person]]));
      try {
        localStorage.setItem(key, JSON.stringify({ at: new Date().toLocaleString(), coder, people }));
        return "Kept in this browser. Download the labels to bring them into the database.";
      } catch { return "This browser keeps nothing for files: download the labels before you close the page."; }
    },
  };
};
