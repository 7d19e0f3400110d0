// Files that are dropped or chosen: each is sent, one after the other, with a line that tells how far it is.
import { refusal } from "./ask.js";
import { jobLine } from "./jobs.js";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

// Resolves to a sentence that says why not; empty where the file came in. `cancel` is given a function that ends it.
const send = (where, file, tell, cancel) => new Promise((resolve) => {
  const request = new XMLHttpRequest(); // fetch does not tell how much was sent
  request.open("PUT", where);
  request.upload.addEventListener("progress", ({ loaded, total }) => tell(loaded, total));
  request.addEventListener("load", () => {
    if (request.status === 200) { resolve(""); return; }
    try { resolve(JSON.parse(request.responseText).error); } catch { resolve(`refused (${request.status})`); }
  });
  request.addEventListener("error", () => resolve(`${file.name}: could not be sent; can it be read, and does the studio run?`));
  request.addEventListener("abort", () => resolve(`${file.name}: cancelled`));
  cancel(() => request.abort());
  request.send(file);
});

// `into` gives the number of the database, `say` shows a sentence, `arrived` is called when a file is there.
export const openUploads = (section, { into, say, arrived }) => {
  const list = section.querySelector(".sending"), chooser = section.querySelector("[type=file]");
  let queue = Promise.resolve();
  const take = (files) => {
    say("");
    for (const file of files) {
      let cancel = null, over = false;
      const here = jobLine(() => { over = true; cancel?.(); here.line.remove(); });
      const { name, size } = file, database = into();
      here.tell(name, "waits for the one before it", undefined, "Cancel");
      list.append(here.line);
      queue = queue.then(async () => {
        if (over) return;
        let why = await refusal("uploads", { name, size, database });
        if (!why && !over) {
          const where = `uploads?${new URLSearchParams({ name, size, database })}`;
          const tell = (loaded, total) => here.tell(name, loaded < total ? `${megabytes(loaded)} of ${megabytes(total)}` : "is looked at", loaded / total, "Cancel");
          tell(0, size);
          why = await send(where, file, tell, (end) => { cancel = end; });
        }
        here.line.remove();
        if (why) say(why); // what one file was refused for stays when the next one is taken
        await arrived();
      });
    }
  };
  chooser.addEventListener("change", () => { take([...chooser.files]); chooser.value = ""; });
  const dragged = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const over = (is) => section.classList.toggle("over", is);
  document.addEventListener("dragover", (event) => { if (dragged(event)) { event.preventDefault(); over(true); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
  document.addEventListener("drop", (event) => {
    if (!dragged(event)) return;
    event.preventDefault();
    over(false);
    take([...event.dataTransfer.files]);
  });
};
