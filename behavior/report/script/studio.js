// What the studio adds to a report: the ways to its other pages.
export const openStudio = () => {
  const way = document.createElement("nav");
  way.className = "kicker";
  way.append(...[["../../", "All recordings"], ["../model", "Action models: train again on the corrections"]].flatMap(([where, text], at) => {
    const link = document.createElement("a");
    link.href = where; link.textContent = text;
    return at ? [" – ", link] : [link];
  }));
  document.querySelector("main").prepend(way);
};
