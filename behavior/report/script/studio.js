// What the studio adds to a report: the ways to its other pages, and a word when the database is not what the page shows.
const EVERY_MS = 5000;
const NEWS = { labels: "somebody coded or corrected", people: "who is who was changed", actions: "actions were named anew, or another model was chosen" };
const news = new Set();
let known = null, bar = null, broken = "";
let asked = 0, heard = 0, saving = 0;

// The stamp of what the page shows.
export const asServed = () => JSON.parse(document.querySelector("meta[name=posescribe]").content);

const say = (text) => {
  if (!bar) {
    bar = document.createElement("div");
    const told = document.createElement("span"), button = document.createElement("button");
    bar.className = "changed"; bar.setAttribute("role", "status");
    button.type = "button"; button.textContent = "Load again";
    button.addEventListener("click", () => location.reload());
    bar.append(told, button);
    document.body.append(bar);
  }
  const told = bar.firstChild;
  if (told.textContent !== text) told.textContent = text;
  bar.hidden = !text;
};

const tell = (trouble = "") => {
  const changed = news.size ? `The database was changed since this page was loaded: ${[...news].map((name) => NEWS[name]).join("; ")}. Nothing of yours is lost by loading it again.` : "";
  say(trouble || broken || changed);
};

// For what can't be mended but by loading the page again.
export const tellBroken = (text) => { broken = text; tell(); };

// Each stamp is of what the database says now, by part.
const sawStamp = (stamp) => {
  for (const name of Object.keys(NEWS)) if (stamp[name] !== known[name]) news.add(name);
  known = stamp;
};

// A change of this page's own: what is asked of the database meanwhile may be answered by what was before, or came of it.
export const byUs = async (change) => {
  saving += 1;
  try { return await change(); } finally { saving -= 1; heard = asked += 1; }
};

// What this page's own change made of the database; `before` is how it found it.
export const changedByUs = (before, after) => { sawStamp(before); known = after; tell(); };

const look = async () => {
  if (document.hidden) return;
  const mine = asked += 1;
  let answer = null, found;
  try { answer = await fetch("state"); found = await answer.json(); } catch { answer = null; }
  if (saving || mine < heard) return;
  heard = mine;
  if (!answer) { tell("The studio does not answer; was it ended?"); return; }
  if (!answer.ok) { tell(found.error); return; }
  sawStamp(found);
  tell();
};

export const openStudio = () => {
  const way = document.createElement("nav");
  way.className = "kicker";
  way.append(...[["../../", "All recordings"], ["../model", "Action models: train again on the corrections"]].flatMap(([where, text], at) => {
    const link = document.createElement("a");
    link.href = where; link.textContent = text;
    return at ? [" – ", link] : [link];
  }));
  document.querySelector("main").prepend(way);
  known = asServed();
  look();
  setInterval(look, EVERY_MS);
  window.addEventListener("focus", look);
};
