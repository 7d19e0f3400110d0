// What spoke for the bout that the readout tells of; nothing for one that a human changed.
export const openEvidence = (data) => {
  const line = document.getElementById("evidence"), said = new Map();
  data.bouts.forEach((bouts, person) => bouts.forEach((bout, i) => said.set(bout, data.evidence[person][i])));
  return (bout) => { line.textContent = said.get(bout) ?? ""; };
};
