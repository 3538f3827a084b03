// The worker beside the page: files of pictures to grey values and their smaller copies (see decoding.js).

import { copiesOf } from "./copies.js";
import { decodePng, inflate } from "./png.js";

/** @import { Picture } from "./copies.js" */

/** @typedef {{ id: number, buffer: ArrayBuffer, packed: boolean }} Job */

/** @typedef {{ id: number, copies?: Picture[], error?: string }} Done with copies, or an error */

self.addEventListener("message", async ({ data }) => {
  const { id, buffer, packed } = /** @type {Job} */ (data);
  try {
    const copies = copiesOf(packed ? await unpacked(buffer) : await decodePng(buffer));
    tell({ id, copies }, copies.map(({ values }) => values.buffer));
  } catch (error) {
    tell({ id, error: error instanceof Error ? error.message : String(error) });
  }
});

/**
 * @param {Done} done
 * @param {ArrayBuffer[]} transfer given away
 */
function tell(done, transfer = []) {
  self.postMessage(done, { transfer });
}

/**
 * Gzipped uint16 of a square, lower byte first.
 * @param {ArrayBuffer} buffer
 * @returns {Promise<Picture>}
 */
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

/** @param {Uint8Array<ArrayBuffer>} bytes */
function swapped(bytes) {
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(2 * index, true));
}
