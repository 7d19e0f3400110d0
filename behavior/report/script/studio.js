// What the studio adds to a report: the ways to its other pages, and a word when the database is not what the page shows.
const EVERY_MS = 5000;
const NEWS = { labels: "somebody coded or corrected", people: "who is who was changed", actions: "actions were named anew, or another model was chosen" };
const news = new Set();
let known = null, bar = null;

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
  say(trouble || changed);
};

// Each stamp is of what the database says now, by part.
const sawStamp = (stamp) => {
  if (known) for (const name of Object.keys(NEWS)) if (stamp[name] !== known[name]) news.add(name);
  known = stamp;
};

// What this page's own change made of the database; `before` is how it found it.
export const changedByUs = (before, after) => { sawStamp(before); known = after; tell(); };

const look = async () => {
  if (document.hidden) return;
  let answer, found;
  try { answer = await fetch("state"); found = await answer.json(); } catch { tell("The studio does not answer; was it ended?"); return; }
  if (!answer.ok) { tell(found.error); return; }
  if (!known && !found.told) news.add("labels"); // it changed while the page was on its way
  sawStamp(found.stamp);
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
  look();
  setInterval(look, EVERY_MS);
  window.addEventListener("focus", look);
};
