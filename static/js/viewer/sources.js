// Fetches what a case shows: grey values of X-rays, ranks and filmstrips, and the counterfactual's curve.

import { decodePng, inflate } from "./png.js";

export async function fetchJson(url) {
  return (await fetched(url)).json();
}

// { width, height, values }: 8-bit pictures come as PNG, deeper ones as gzipped uint16 of a square, lower byte first.
export async function fetchGrey(url) {
  const buffer = await (await fetched(url)).arrayBuffer();
  if (!url.endsWith(".gz")) return decodePng(buffer);
  const bytes = await inflate([buffer], "gzip");
  const values = littleEndian() ? new Uint16Array(bytes.buffer) : swapped(bytes);
  const side = Math.sqrt(values.length);
  if (!Number.isInteger(side)) throw new Error(`${url} holds no square`);
  return { width: side, height: side, values };
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok || response.redirected) throw new Error(`${url}: ${response.status}`);
  return response;
}

function littleEndian() {
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
}

function swapped(bytes) {
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, index) => view.getUint16(2 * index, true));
}
