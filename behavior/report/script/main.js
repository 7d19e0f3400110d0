import { openPlayer } from "./player.js";
import { timeline } from "./timeline.js";

const data = JSON.parse(document.getElementById("data").textContent);
const player = openPlayer(data);

for (const button of document.querySelectorAll(".seek")) {
  button.addEventListener("click", () => {
    player.seek(Number(button.dataset.time));
    player.video.scrollIntoView({ block: "nearest" });
  });
}
window.addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
timeline(data, player);
