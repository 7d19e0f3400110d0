import { readAddress, writeAddress } from "./address.js";
import { openBlocks } from "./blocks.js";
import { openCurves } from "./curves.js";
import { openEditor } from "./editor.js";
import { browserStore, studioStore } from "./keeping.js";
import { openFigures } from "./figures.js";
import { openMeasure } from "./measure.js";
import { openMotion } from "./motion.js";
import { openPlayer } from "./player.js";
import { openSections } from "./sections.js";
import { openTakeaway } from "./takeaway.js";
import { openControls, openStage } from "./stage.js";
import { openStrips } from "./strips.js";
import { openStudio, tellBroken } from "./studio.js";
import { timeline } from "./timeline.js";
import { openZones } from "./zones.js";

const data = JSON.parse(document.getElementById("data").textContent);
const player = openPlayer(data);
let onlyPerson = null;

for (const button of document.querySelectorAll(".seek")) {
  button.addEventListener("click", () => {
    player.seek(Number(button.dataset.time));
    document.querySelector(".film").scrollIntoView({ block: "nearest" });
  });
}
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
// Under the drawing where the video is missing, and in print; the page holds the picture once, in the map.
const behind = document.querySelector(".behind:not([src])"), scene = document.querySelector(".map image");
if (behind && scene) behind.src = scene.href.baseVal;
for (const image of document.querySelectorAll("image[data-scene]")) if (scene) image.setAttribute("href", scene.href.baseVal);
openControls(player);
openSections();
openTakeaway(data);
openZones(data);
openMeasure(data);
const lines = timeline(data, player);
const block = openBlocks(data.blocks);
openStrips(data, player, block);

// ---- the address of a moment
const follow = (address) => {
  const { time, person } = readAddress(new URL(address).hash);
  const place = person === null ? -1 : data.tracks.indexOf(person);
  onlyPerson = place < 0 ? null : place;
  lines?.pick(onlyPerson);
  if (time !== null) player.seek(time);
};
const remember = () => history.replaceState(null, "", writeAddress(player.time, onlyPerson === null ? null : data.tracks[onlyPerson]));
// The event's own address: a seek that ends in between has by then written its own into `location`.
window.addEventListener("hashchange", (event) => follow(event.newURL));
if (player.video) for (const event of ["pause", "seeked"]) player.video.addEventListener(event, remember);

const inStudio = new URLSearchParams(location.search).has("studio");
if (inStudio) openStudio();
const correct = () => openEditor(data, player, lines, inStudio ? studioStore(data) : browserStore(data));
const ready = () => { document.documentElement.dataset.ready = ""; };
if (!data.motion) correct().then(ready);
else {
  // After the first paint.
  requestAnimationFrame(() => setTimeout(async () => {
    let motion;
    try { motion = await openMotion(data.motion, block); } catch (error) {
      if (!inStudio) throw error;
      tellBroken("The joints of this page did not come: its report was told anew, or the studio ended.");
      return; // without the frames nothing can be corrected to the frame
    }
    await openStage(data, player, motion, { tagsAt: (time) => lines.tagsAt(time), onlyPerson: () => onlyPerson });
    openCurves(data, player, motion, lines);
    openFigures(data, motion);
    await correct();
    ready();
  }));
}
follow(location.href);
