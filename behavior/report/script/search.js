// The studio's start page: recordings that have all words of the search.
const search = document.getElementById("search"), cards = [...document.querySelectorAll(".cards li")];
search.addEventListener("input", () => {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const card of cards) card.hidden = !words.every((word) => card.dataset.name.toLowerCase().includes(word));
  document.getElementById("none").hidden = cards.some((card) => !card.hidden);
});
