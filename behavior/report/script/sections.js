// Sections that open on demand: of several tables the one that is chosen.
export const openSections = () => {
  for (const choice of document.querySelectorAll("[data-shows]")) {
    const name = choice.dataset.shows, each = [...document.querySelectorAll(`[data-${name}]`)];
    choice.addEventListener("change", () => { for (const one of each) one.hidden = one.dataset[name] !== choice.value; });
  }
};
