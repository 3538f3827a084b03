// The worker beside the page: files of pictures to grey values and their smaller copies (see decoding.js).

import { copiesOf } from "./copies.js";
import { decodePng, inflate } from "./png.js";

self.addEventListener("message", async ({ data: { id, buffer, packed } }) => {
  try {
    const copies = copiesOf(packed ? await unpacked(buffer) : await decodePng(buffer));
    self.postMessage({ id, copies }, copies.map(({ values }) => values.buffer));
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
});

// Gzipped uint16 of a square, lower byte first.
async function unpacked(buffer) {
  const bytes = await inflate([buffer], "gzip");
  const values = littleEndian() ? new Uint16Array(bytes.buffer) : swapped(bytes);
  const side = Math.sqrt(values.length);
  if (!Number.isInteger(side)) throw new Error("pixels that make no square");
  return { width: side, height: side, values };
}

function littleEndian() {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
}

function swapped(bytes) {
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(2 * index, true));
}
