// Blocks of columns by name: those that the page has in itself, or, in the studio, asked for one by one.
import { bytesOf } from "./columns.js";

const unpack = (body) => new Response(body.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();

const ask = async (where) => {
  const answer = await fetch(where);
  if (!answer.ok) throw new Error(`${where}: ${answer.status}`);
  return answer.body;
};

// Each block can be had once from the page itself: it would be there twice.
export const openBlocks = (digests) => async (name) => {
  const holder = document.getElementById(name);
  holder?.remove();
  return new Uint8Array(await unpack(holder ? new Blob([bytesOf(holder.textContent)]).stream() : await ask(`block/${name}/${digests[name]}`)));
};
