// The studio's start page: what is at work, stopped and begun here.
import { refusal } from "./ask.js";
import { jobLine, progressOf, shareOf, watch } from "./jobs.js";
import {} from "./search.js";
import { openUploads } from "./uploads.js";

const work = document.getElementById("work"), list = work.querySelector(".running"), told = work.querySelector(".told");
const form = work.querySelector("form"), lines = new Map(), seen = new Map();

const lineOf = (key, act) => {
  if (!lines.has(key)) lines.set(key, jobLine(act));
  return lines.get(key);
};
const say = (text) => { told.textContent = text; };
let look = () => {}, stale = false;
// The page is loaded anew for what was done, but never from under somebody's hands.
const idle = () => !document.getElementById("search").value && !form.elements.source.value && !work.querySelector(".sending > *");
const doing = (where, said = {}) => async () => { say(await refusal(where, said)); await look(); };
const LIVE = ["waiting", "running"];
const fileOf = (path) => path.split(/[\\/]/).pop();

look = watch("jobs", (state) => {
  if (!state) { say("The studio does not answer; was it ended?"); return; }
  const shown = [];
  for (const one of state.unfinished) {
    const here = lineOf(`${one.database}/${one.recording}`, doing(`${one.database}/${one.recording}/resume`));
    const of = one.expected === null ? "" : ` of about ${one.expected}`;
    here.tell(one.name, one.at_work ? `another process is at work on it: ${one.frames}${of} frames` : `not finished: ${one.frames}${of} frames`,
      one.expected ? Math.min(1, one.frames / one.expected) : undefined, one.at_work ? "" : "Go on");
    here.show(one.at_work && `${one.database}/${one.recording}`);
    shown.push(here.line);
  }
  for (const job of state.jobs) {
    const over = !LIVE.includes(job.state), before = seen.get(job.number);
    stale ||= job.state === "done" && before !== undefined && before !== "done";
    seen.set(job.number, job.state);
    const here = lineOf(job.number, () => doing(`jobs/${job.number}/${LIVE.includes(seen.get(job.number)) ? "stop" : "again"}`)());
    const what = !over ? "Stop" : job.kind === "analyze" && job.state !== "done" ? "Go on" : "";
    here.tell(job.kind === "train" ? `training ${job.about}` : fileOf(job.about), progressOf(job), shareOf(job), what);
    here.line.title = job.about;
    here.show(job.state === "running" && job.done > 0 && job.recording && `${job.database}/${job.recording}`);
    shown.push(here.line);
  }
  if (stale && idle()) { location.reload(); return; }
  if (shown.length !== list.children.length || shown.some((line, at) => line !== list.children[at])) list.replaceChildren(...shown);
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { source, database } = Object.fromEntries(new FormData(form));
  say(await refusal("jobs", { source, database: Number(database ?? 0) }));
  if (!told.textContent) form.reset();
  await look();
});
openUploads(work, { into: () => Number(new FormData(form).get("database") ?? 0), say, arrived: () => look() });
document.documentElement.dataset.ready = "";
