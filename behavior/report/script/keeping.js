// Where corrections are kept: in this browser, by recording and run, until they are exported; or in the studio's database.
import { post } from "./ask.js";
import { changedByUs } from "./studio.js";

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

export const studioStore = (data) => {
  let seen = 0, refused = null;
  // What is not in the database stays with this tab, so that loading the page again loses nothing.
  const key = `posescribe unsaved ${location.pathname}`;
  const unsaved = (() => { try { return { people: {}, edits: [], ...JSON.parse(sessionStorage.getItem(key) ?? "{}") }; } catch { return { people: {}, edits: [] }; } })();
  const keep = (news) => {
    Object.assign(unsaved, news);
    try { sessionStorage.setItem(key, JSON.stringify(unsaved)); } catch { /* it is still in the page */ }
  };
  return {
    studio: true,
    note: (edits) => keep({ edits }),
    load: async () => {
      seen = (await (await fetch("labels")).json()).seen;
      let coder = "";
      try { coder = localStorage.getItem("posescribe coder") ?? ""; } catch { /* asked again */ }
      const people = Object.entries(unsaved.people).map(([track, bouts]) => [data.tracks.indexOf(Number(track)), bouts]).filter(([person]) => person >= 0);
      const told = people.length ? "What was not saved is shown again: change something of it to save it." : "Changes are saved into the database at once.";
      return { people, edits: unsaved.edits, coder, told };
    },
    // What was refused once because somebody else had saved is saved when it is asked for again.
    save: async (person, corrections, coder) => {
      const said = { person: data.tracks[person], bouts: corrections.said(person), coder, seen, force: refused === person };
      try { localStorage.setItem("posescribe coder", coder); } catch { /* asked again */ }
      let answer, told;
      const track = data.tracks[person];
      keep({ people: { ...unsaved.people, [track]: corrections.now[person] } });
      try { answer = await post("labels", said); told = await answer.json(); } catch { return "Not saved: the studio does not answer."; }
      refused = answer.status === 409 ? person : null;
      if (answer.status === 409) return `Not saved: ${told.error}. Reload the page to see it, or change something again to save yours, too.`;
      if (!answer.ok) return `Not saved: ${told.error}`;
      seen = told.seen;
      const { [track]: _, ...others } = unsaved.people;
      keep({ people: others });
      changedByUs(told.before, told.stamp);
      return `Saved ${told.at}${coder ? ` as ${coder}` : ""}. The figures and tables follow when the page is loaded again.`;
    },
    applyEdits: async (rows) => {
      const answer = await post("tracks", { rows });
      if (answer.ok) { keep({ edits: [] }); location.reload(); }
      return answer.ok ? "" : `Not changed: ${(await answer.json()).error}`;
    },
  };
};
