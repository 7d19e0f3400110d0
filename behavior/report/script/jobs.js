// What the studio has running, told as it goes on.
const AGAIN_MS = 1000, CALM_MS = 4000;

const lasting = (s) => (s < 90 ? `${Math.round(s)} s` : s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`);
const ENDED = { waiting: "waits for the one before it", done: "done", stopped: "stopped; what is done is kept", failed: "failed" };

// A job in words.
export const progressOf = (job) => {
  if (job.state !== "running") return `${ENDED[job.state]}${job.state === "failed" && job.told ? `: ${job.told}` : ""}`;
  if (!job.stage) return job.told || "begins";
  const of = job.total ? ` of ${job.total}` : "", unit = ["people", "tracks", "overlay"].includes(job.stage) ? " frames/s" : "/s";
  const pace = job.per_s ? `, ${job.per_s < 10 ? job.per_s.toFixed(1) : Math.round(job.per_s)}${unit}` : "";
  return `${job.stage}: ${job.done}${of}${pace}${job.left_s === null ? "" : `, ${lasting(job.left_s)} left`}`;
};

// A line that is kept as it is told again, so that nobody loses the button under the hand.
export const jobLine = (act) => {
  const line = document.createElement("li"), name = document.createElement("b"), told = document.createElement("p");
  const bar = document.createElement("progress"), button = document.createElement("button");
  button.type = "button";
  bar.setAttribute("aria-label", "how far");
  const picture = document.createElement("img");
  picture.alt = "";
  const pictured = (is) => { picture.hidden = !is; line.classList.toggle("pictured", is); };
  pictured(false);
  picture.addEventListener("load", () => pictured(true));
  picture.addEventListener("error", () => pictured(false));
  line.append(picture, name, bar, told, button);
  button.addEventListener("click", async () => { button.disabled = true; await act(); button.disabled = false; });
  return {
    line,
    // What was seen last; asked for anew every five seconds, as often as there is something new.
    show: (where) => {
      const address = where && `${where}/latest.jpg?${Math.floor(Date.now() / 5000)}`;
      if (address && picture.getAttribute("src") !== address) picture.src = address;
      if (!address) { pictured(false); picture.removeAttribute("src"); }
    },
    tell: (title, text, share, what) => {
      name.textContent = title; told.textContent = text;
      bar.hidden = share === undefined;
      if (share === null) bar.removeAttribute("value"); else if (share !== undefined) bar.value = share;
      button.textContent = what; button.hidden = !what;
      if (what) button.setAttribute("aria-label", `${what}: ${title}`);
    },
  };
};

export const shareOf = (job) => (job.state !== "running" ? undefined : job.total ? job.done / job.total : null);

// Asks again and again, sooner while something is at work; `show` gets the state, or null where the studio is gone.
export const watch = (where, show) => {
  let timer, asked = 0, shown = 0;
  const look = async () => {
    const mine = asked += 1;
    let state = null;
    try { state = await (await fetch(where)).json(); } catch { /* told by null */ }
    if (mine < shown) return; // a later one was answered sooner
    shown = mine;
    show(state);
    clearTimeout(timer);
    timer = setTimeout(look, state?.jobs.some((job) => ["running", "waiting"].includes(job.state)) ? AGAIN_MS : CALM_MS);
  };
  look();
  return look;
};
