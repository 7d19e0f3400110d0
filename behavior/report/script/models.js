// The page on action models: trains again, and chooses which model counts.
import { refusal } from "./ask.js";
import { jobLine, progressOf, shareOf, watch } from "./jobs.js";

const form = document.querySelector("#train form"), list = document.querySelector("#train ul"), told = document.querySelector("#train .told");
const number = Number(document.querySelector("main").dataset.database);
const say = (text) => { told.textContent = text; };
let known = null, look = () => {};
const line = jobLine(async () => { say(await refusal(`../jobs/${known.number}/stop`, {})); await look(); });

look = watch("../jobs", (state) => {
  if (!state) { say("The studio does not answer; was it ended?"); return; }
  const newest = state.jobs.find((job) => job.kind === "train" && job.database === number);
  const was = known?.number === newest?.number ? known?.state : undefined;
  known = newest ?? null;
  const over = !newest || ["done", "failed", "stopped"].includes(newest.state);
  for (const button of document.querySelectorAll("form button, [data-choose]")) button.disabled = !over;
  list.replaceChildren(...(newest && newest.state !== "done" ? [line.line] : []));
  if (newest) line.tell(newest.about, progressOf(newest), shareOf(newest), over ? "" : "Stop");
  if (newest?.state === "done" && was && was !== "done") location.reload();
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  say(await refusal("model/train", { classifier: new FormData(form).get("classifier") }));
  await look();
});
for (const button of document.querySelectorAll("[data-choose]")) {
  button.addEventListener("click", async () => {
    const why = await refusal("model/choose", { sha256: button.dataset.choose });
    if (why) say(why); else { await look(); if (!known || ["done", "failed", "stopped"].includes(known.state)) location.reload(); }
  });
}
document.documentElement.dataset.ready = "";
