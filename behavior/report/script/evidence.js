// What spoke for the bout that the readout tells of, and the model's examples that it is most like; nothing for one that a
// human changed.
export const openEvidence = (data) => {
  const line = document.getElementById("evidence"), said = new Map();
  const examples = [...document.querySelectorAll("#like > div")];
  data.bouts.forEach((bouts, person) => bouts.forEach((bout, i) => said.set(bout, data.evidence[person][i])));
  return (bout) => {
    const text = said.get(bout) ?? "", like = text.split("; most like ")[1] ?? "";
    line.textContent = text;
    for (const figure of examples) {
      figure.style.order = `, ${like}`.indexOf(`, ${figure.dataset.name} at `);
      figure.hidden = figure.style.order < 0;
    }
  };
};
