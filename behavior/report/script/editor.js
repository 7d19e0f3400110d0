// Correcting: by keys and by typing, in the page. `store` keeps what was corrected: in the browser, or in the studio.
import { clock } from "./clock.js";
import { Corrections, labelsCsv, swapFrom, tracksCsv, withoutOverlap } from "./corrections.js";
import { openDoubts } from "./doubts.js";
import { openGrips } from "./grips.js";
import { lastUpTo } from "./motion.js";

const NEW_S = 1;

const offer = (name, text) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

export const openEditor = async (data, player, lines, store) => {
  const panel = document.getElementById("correct");
  if (!panel || !lines) return;
  const find = (name) => panel.querySelector(`[name=${name}]`);
  const [who, action, start, stop, coder] = ["person", "action", "start", "stop", "coder"].map(find);
  const told = panel.querySelector(".told");
  let turn = 0;
  const tell = (text) => { turn += 1; told.textContent = text; };
  // Ends of the data lie on frames, so what is shown is what is stored.
  const frames = () => player.times ?? [];
  const onFrame = (time) => {
    const times = frames();
    if (!times.length) return time;
    const before = Math.max(0, lastUpTo(times, time + 0.0005)), after = Math.min(times.length - 1, before + 1);
    const nearest = time - times[before] <= times[after] - time ? times[before] : times[after];
    return Math.abs(nearest - time) <= 0.0006 ? nearest : time;
  };
  const frameEnd = (time) => {
    const times = frames(), at = lastUpTo(times, time + 0.0005);
    return at + 1 < times.length && at >= 0 ? times[at + 1] : data.stop;
  };
  const markOf = (person, at) => ["confirmed", "not sure"].find((mark) => mark === data.evidence[person][at]) || "";
  const corrections = new Corrections(data.bouts.map((bouts, of) => bouts.map(([from, to, rank], at) => (
    { action: data.actions[rank], start: onFrame(data.start + from / 1000), stop: onFrame(data.start + to / 1000), mark: markOf(of, at) }))),
    data.coded.map((spans) => spans.map((ends) => ends.map(onFrame))));
  let person = 0, place = -1;
  const nextDoubt = openDoubts(data, corrections);
  const mergeable = () => {
    const bout = corrections.now[person][place];
    return bout && corrections.now[person].slice(place + 1).find((each) => each.action === bout.action);
  };

  let tellGrips = () => {};
  const fill = () => {
    const bout = corrections.now[person][place];
    tellGrips(data.people[person]);
    who.value = String(person);
    for (const each of panel.querySelectorAll("[data-do]")) {
      const needs = { undo: corrections.past.length, redo: corrections.future.length, add: true, doubt: true, merge: !!mergeable(), labels: corrections.changed.length }[each.dataset.do];
      each.disabled = needs === undefined ? !bout : !needs;
    }
    for (const [field, value] of [[action, bout?.action], [start, bout?.start.toFixed(3)], [stop, bout?.stop.toFixed(3)]]) {
      field.value = value ?? "";
      field.disabled = !bout;
    }
  };
  const select = (chosen, at) => { person = chosen; place = at; fill(); };
  const show = (changed) => {
    lines.replace(changed, corrections.now[changed], corrections.changed.includes(changed));
    player.refresh(); // the names beside the people
  };
  // An answer that comes after something else was told is news only if it is a refusal.
  const keep = async (changed) => {
    tell("Saving …");
    const mine = turn, { done, text } = await store.save(changed, corrections, coder.value.trim());
    if (!done || mine === turn) told.textContent = text;
  };
  const apply = (bouts, chosen) => {
    if (!corrections.change(person, bouts)) { fill(); return; }
    place = chosen ? corrections.now[person].findIndex((bout) => JSON.stringify(bout) === JSON.stringify(chosen)) : -1;
    show(person);
    lines.mark(person, place);
    fill();
    keep(person);
  };
  const edit = (news) => {
    const bout = corrections.now[person][place];
    if (!bout) return;
    const after = { ...bout, ...news };
    if (!after.action || !(after.stop > after.start)) { tell("A bout needs an action, and must stop after it starts."); fill(); return; }
    if (!("mark" in news) && bout.mark === "not sure") after.mark = "";
    apply(withoutOverlap(corrections.now[person].map((each) => (each === bout ? after : each)), after), after);
  };
  const add = (name) => {
    // It takes nothing from a later one: its name is often typed afterwards.
    const from = onFrame(player.time), later = corrections.now[person].find((each) => each.action === name && each.start > from);
    const to = Math.min(data.stop, frameEnd(from + NEW_S - 0.001), later?.start ?? data.stop);
    const bout = { action: name, start: from, stop: Math.max(to, frameEnd(from)), mark: "" };
    apply(withoutOverlap([...corrections.now[person], bout], bout), bout);
  };
  const back = (which) => {
    const changed = corrections[which]();
    if (changed === null) { tell("Nothing to take back."); return; }
    show(changed);
    select(changed, -1);
    keep(changed);
  };
  const digit = (key) => {
    const name = data.actions[(Number(key) + 9) % 10];
    if (name === undefined) tell(`There is no action ${key}; type its name.`);
    else if (corrections.now[person][place]) edit({ action: name }); else add(name);
  };
  const doing = {
    add: () => add(action.value.trim() || data.actions[0] || "action"),
    delete: () => apply(corrections.now[person].filter((_, at) => at !== place), null),
    split: () => {
      const bout = corrections.now[person][place], at = onFrame(player.time);
      if (!bout || !(bout.start < at && at < bout.stop)) { tell("Move to a frame inside the bout to split it."); return; }
      const [one, two] = [{ ...bout, stop: at }, { ...bout, start: at }];
      apply(corrections.now[person].flatMap((each) => (each === bout ? [one, two] : [each])), two);
    },
    merge: () => {
      const bout = corrections.now[person][place], next = mergeable();
      if (!next) { tell("There is no later bout of the same action."); return; }
      const whole = { ...bout, stop: Math.max(bout.stop, next.stop), mark: "" };
      apply(corrections.now[person].flatMap((each) => (each === bout ? [whole] : each === next ? [] : [each])), whole);
    },
    doubt: () => {
      const next = nextDoubt();
      if (!next) { tell("Nothing is left that the model found and nobody looked at."); return; }
      if (!player.lost) player.video.pause();
      lines.choose(next.person, next.place);
      tell(`Number ${next.at} of ${next.of}, the least sure first: score ${(next.score / 100).toFixed(2)}. Is it right?`);
    },
    start: () => edit({ start: onFrame(player.time) }),
    stop: () => edit({ stop: frameEnd(player.time) }),
    confirm: () => edit({ mark: "confirmed" }),
    unsure: () => edit({ mark: "not sure" }),
    undo: () => back("undo"),
    redo: () => back("redo"),
    labels: () => offer(`${data.recording}-labels.csv`, labelsCsv(corrections, { ...data, coder: coder.value.trim() })),
  };
  panel.addEventListener("click", (event) => doing[event.target.closest("[data-do]")?.dataset.do]?.());
  who.addEventListener("change", () => select(Number(who.value), -1));
  action.addEventListener("change", () => edit({ action: action.value.trim() }));
  start.addEventListener("change", () => edit({ start: onFrame(Number(start.value)) }));
  stop.addEventListener("change", () => edit({ stop: onFrame(Number(stop.value)) }));
  const keys = {
    "[": "start", "]": "stop", n: "doubt", b: "add", m: "merge", Delete: "delete", Backspace: "delete", c: "confirm", "?": "unsure", u: "undo", U: "redo", s: "split",
  };
  document.addEventListener("keydown", (event) => {
    if (!panel.open || event.altKey || event.target.closest("input, select, textarea")) return;
    const control = event.ctrlKey || event.metaKey;
    const what = control ? { z: "undo", Z: "redo", y: "redo" }[event.key] : keys[event.key];
    if (!control && /^[0-9]$/.test(event.key)) digit(event.key);
    else if (what) doing[what]();
    else return;
    event.preventDefault();
  });
  lines.onChoose(select);
  const border = (time) => { // of frames, the nearest
    const times = frames(), at = lastUpTo(times, time);
    const [before, after] = [times[at] ?? data.start, times[at + 1] ?? data.stop];
    return times.length ? (time - before <= after - time ? before : after) : time;
  };
  tellGrips = openGrips(lines.chosen, {
    data,
    bout: () => corrections.now[person][place],
    snap: border,
    step: (time, by) => { // so many frames on or back
      const times = frames(), borders = [...times, data.stop];
      return times.length ? borders[Math.min(times.length, Math.max(0, lastUpTo(borders, time + 0.0005) + by))] : time + by / 25;
    },
    look: (end, time) => player.seek(end === "start" ? time : frames()[Math.max(0, lastUpTo(frames(), time - 0.0005))] ?? time),
    drop: edit,
  });
  const openOrNot = () => lines.chosen.classList.toggle("correcting", panel.open);
  panel.addEventListener("toggle", openOrNot);
  openOrNot();

  // ---- who is who
  const edits = [], list = panel.querySelector(".edits");
  const [what, first, second] = ["identity", "one", "other"].map(find);
  const showEdits = () => {
    list.replaceChildren(...edits.map((group, at) => {
      const item = document.createElement("li"), button = document.createElement("button");
      item.append(`${group.text} `);
      button.type = "button"; button.textContent = "take back";
      button.addEventListener("click", () => { edits.splice(at, 1); showEdits(); });
      item.append(button);
      return item;
    }));
    find("tracks").disabled = !edits.length;
    store.note?.(edits);
  };
  find("note").addEventListener("click", () => {
    const one = data.tracks[Number(first.value)], text = second.value.trim();
    const frame = Number(document.getElementById("frame")?.textContent), at = `from ${clock(player.time, 2)} on`;
    const other = data.tracks.includes(Number(text)) ? Number(text) : data.tracks[data.people.indexOf(text)];
    const needsOther = what.value === "swap" || what.value === "merge";
    if (needsOther && (other === undefined || other === one)) { tell("Name the other person, by number or name."); return; }
    if (what.value === "rename" && !text) { tell("Type the new name."); return; }
    const rows = {
      swap: () => swapFrom(one, other, frame, [...data.tracks, ...edits.flatMap((group) => group.rows.map((row) => Number(row.other) || 0))]),
      merge: () => [{ action: "merge", person: one, other }],
      split: () => [{ action: "split", person: one, frame }],
      rename: () => [{ action: "rename", person: one, other: text }],
      drop: () => [{ action: "drop", person: one }],
    }[what.value]();
    edits.push({ rows, text: {
      swap: `${one} and ${other} are swapped ${at}`, merge: `${other} is ${one}`, split: `${one} is somebody else ${at}`,
      rename: `${one} is called ${text}`, drop: `${one} is nobody`,
    }[what.value] });
    showEdits();
  });
  if (store.studio) { panel.open = true; find("tracks").textContent = "Change who is who"; }
  find("tracks").addEventListener("click", async () => {
    const sent = [...edits], rows = sent.flatMap((group) => group.rows);
    if (!store.studio) { offer(`${data.recording}-tracks.csv`, tracksCsv(rows)); return; }
    find("tracks").disabled = true; // they are done once
    const why = await store.applyEdits(rows);
    tell(why && `Not changed: ${why}`);
    if (!why) edits.splice(0, edits.length, ...edits.filter((group) => !sent.includes(group))); // noted meanwhile
    showEdits();
    if (!why) location.reload();
  });

  const kept = await store.load();
  for (const [changed, bouts] of kept.people) { corrections.change(changed, bouts); show(changed); }
  if (kept.people.length) panel.open = true;
  if (kept.coder) coder.value = kept.coder;
  edits.push(...(kept.edits ?? []));
  tell(kept.told ?? "");
  showEdits();
  fill();
  panel.dataset.ready = "";
};
