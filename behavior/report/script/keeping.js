// Where corrections are kept: in this browser, by recording and run, until they are exported; or in the studio's database.
import { post, refusal } from "./ask.js";
import { asServed, byUs, changedByUs } from "./studio.js";

export const browserStore = (data) => {
  const key = `posescribe ${data.run}`;
  let last; // as this page read or wrote it
  const kept = () => ({ people: {}, ...JSON.parse(last = localStorage.getItem(key)) });
  const ours = new Set(); // tracks that this page says something of; of the others another page of the same report may
  return {
    load: async () => {
      try {
        const { people, coder, at } = kept();
        if (!at) return { people: [] };
        for (const track of Object.keys(people)) ours.add(track);
        const found = Object.entries(people).map(([track, bouts]) => [data.tracks.indexOf(Number(track)), bouts]).filter(([person]) => person >= 0);
        return { people: found, coder, told: `Corrections of ${at} are shown again; they are kept in this browser only.` };
      } catch { return { people: [] }; }
    },
    save: async (changed, corrections, coder) => {
      ours.add(String(data.tracks[changed]));
      const own = Object.fromEntries(corrections.changed.map((person) => [data.tracks[person], corrections.now[person]]));
      try {
        const before = last, others = Object.fromEntries(Object.entries(kept().people).filter(([track]) => !ours.has(track)));
        const also = before === last ? "" : " Another page of this report kept corrections, too: of people that both corrected, those of this page count now.";
        localStorage.setItem(key, last = JSON.stringify({ at: new Date().toLocaleString(), coder, people: { ...others, ...own } }));
        return { done: true, text: `Kept in this browser. Download the labels to bring them into the database.${also}` };
      } catch { return { done: false, text: "This browser keeps nothing for files: download the labels before you close the page." }; }
    },
  };
};

export const studioStore = (data) => {
  let known = asServed(), refused = null;
  // One request after the other: two at once could land in either order, and the second would not know of the first.
  let line = Promise.resolve();
  const inTurn = (act) => (line = line.then(() => byUs(act)));
  const stored = new Map(); // person: what the database has of them
  // What is not in the database stays with this tab, so that loading the page again loses nothing.
  const key = `posescribe unsaved ${location.pathname}`;
  const unsaved = (() => { try { return { people: {}, edits: [], ...JSON.parse(sessionStorage.getItem(key) ?? "{}") }; } catch { return { people: {}, edits: [] }; } })();
  const keep = (news) => {
    Object.assign(unsaved, news);
    try { sessionStorage.setItem(key, JSON.stringify(unsaved)); } catch { /* it is still in the page */ }
  };
  const send = async (person, corrections, coder, force) => {
    const bouts = corrections.now[person], said = { person: data.tracks[person], bouts: corrections.said(person), coder, known, force };
    const had = stored.get(person);
    if (had?.bouts === bouts && had.coder === coder) return had.told; // a request before sent this change with its own
    let answer, told;
    try { answer = await post("labels", said); told = await answer.json(); } catch { return { done: false, text: "Not saved: the studio does not answer." }; }
    refused = answer.status === 409 ? person : null;
    if (answer.status === 409) return { done: false, text: `Not saved: ${told.error}. Reload the page to see it, or change something again to save yours, too.` };
    if (!answer.ok) return { done: false, text: `Not saved: ${told.error}` };
    known = told.stamp;
    if (corrections.now[person] === bouts) {
      const { [said.person]: _, ...others } = unsaved.people;
      keep({ people: others });
    }
    changedByUs(told.before, told.stamp);
    const left = Object.keys(unsaved.people).map((track) => data.people[data.tracks.indexOf(Number(track))]).filter(Boolean);
    const text = `Saved ${told.at}${coder ? ` as ${coder}` : ""}. The figures and tables follow when the page is loaded again.`;
    stored.set(person, { bouts, coder, told: { done: true, text } });
    return { done: true, text: left.length ? `${text} Not saved yet: ${left.join(", ")}.` : text };
  };
  return {
    studio: true,
    note: (edits) => keep({ edits }),
    load: async () => {
      let coder = "";
      try { coder = localStorage.getItem("posescribe coder") ?? ""; } catch { /* asked again */ }
      const people = Object.entries(unsaved.people).map(([track, bouts]) => [data.tracks.indexOf(Number(track)), bouts]).filter(([person]) => person >= 0);
      const told = people.length ? "What was not saved is shown again: change something of it to save it." : "Changes are saved into the database at once.";
      return { people, edits: unsaved.edits, coder, told };
    },
    // What was refused once because somebody else had saved is saved when it is asked for again, by who has been told.
    save: (person, corrections, coder) => {
      const force = refused === person;
      try { localStorage.setItem("posescribe coder", coder); } catch { /* asked again */ }
      keep({ people: { ...unsaved.people, [data.tracks[person]]: corrections.now[person] } });
      return inTurn(() => send(person, corrections, coder, force));
    },
    // Gives a sentence that says why not; empty where it is done.
    applyEdits: (rows) => inTurn(() => refusal("tracks", { rows, known })),
  };
};
