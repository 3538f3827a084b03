// Grey PNG to numbers, exactly: no canvas in between, which may convert colours or, to protect privacy, add noise.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const DEPTHS = [8, 16];
const [SUB, UP, AVERAGE, PAETH] = [1, 2, 3, 4];

/** @import { Picture } from "./copies.js" */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Promise<Picture>}
 */
export async function decodePng(buffer) {
  const bytes = new Uint8Array(buffer);
  if (SIGNATURE.some((byte, index) => bytes[index] !== byte)) throw new Error("no PNG");
  const view = new DataView(buffer);
  let header = null;
  const data = [];
  for (let place = 8; place + 12 <= bytes.length; ) {
    const length = view.getUint32(place);
    const kind = String.fromCharCode(...bytes.subarray(place + 4, place + 8));
    if (kind === "IHDR") header = readHeader(view, place + 8);
    else if (kind === "IDAT") data.push(bytes.subarray(place + 8, place + 8 + length));
    place += 12 + length;
  }
  if (!header) throw new Error("a PNG without a header");
  const { width, height, depth } = header;
  const pixelBytes = depth / 8;
  const rows = await inflate(data, "deflate");
  if (rows.length !== height * (1 + width * pixelBytes)) throw new Error("a PNG of another length");
  const plain = unfilter(rows, width * pixelBytes, height, pixelBytes);
  return { width, height, values: depth === 8 ? plain : swapped(plain) };
}

/**
 * The bytes that were compressed into these parts.
 * @param {(ArrayBuffer | Bytes)[]} parts
 * @param {"gzip" | "deflate"} format
 */
export async function inflate(parts, format) {
  const stream = new DecompressionStream(format);
  const writer = stream.writable.getWriter();
  const writing = [...parts.map((part) => writer.write(part)), writer.close()];
  const [bytes] = await Promise.all([new Response(stream.readable).arrayBuffer(), ...writing]);
  return new Uint8Array(bytes);
}

/**
 * @param {DataView} view
 * @param {number} place
 */
function readHeader(view, place) {
  const header = { width: view.getUint32(place), height: view.getUint32(place + 4), depth: view.getUint8(place + 8) };
  const [colour, interlaced] = [view.getUint8(place + 9), view.getUint8(place + 12)];
  const plain = colour === 0 && interlaced === 0 && DEPTHS.includes(header.depth);
  if (!plain) throw new Error("a PNG that is not plain grey");
  return header;
}

/**
 * Each row begins with the number of the filter that it went through.
 * @param {Bytes} rows
 * @param {number} width in bytes
 * @param {number} height
 * @param {number} step bytes of a pixel
 */
function unfilter(rows, width, height, step) {
  const plain = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const from = row * (width + 1) + 1;
    const to = row * width;
    const above = to - width;
    const filter = rows[from - 1];
    if (filter === 0) plain.set(rows.subarray(from, from + width), to);
    else if (filter === SUB) unfilterSub(rows, from, plain, to, width, step);
    else if (filter === UP) {
      for (let x = 0; x < width; x++) plain[to + x] = rows[from + x] + (row ? plain[above + x] : 0);
    } else if (filter === AVERAGE) {
      for (let x = 0; x < width; x++) {
        const left = x >= step ? plain[to + x - step] : 0;
        plain[to + x] = rows[from + x] + ((left + (row ? plain[above + x] : 0)) >> 1);
      }
    } else if (filter === PAETH) unfilterPaeth(rows, from, plain, to, width, step, row > 0);
    else throw new Error("a PNG with an unknown filter");
  }
  return plain;
}

/**
 * @param {Bytes} rows
 * @param {number} from
 * @param {Bytes} plain
 * @param {number} to
 * @param {number} width
 * @param {number} step
 */
function unfilterSub(rows, from, plain, to, width, step) {
  for (let x = 0; x < step; x++) plain[to + x] = rows[from + x];
  for (let x = step; x < width; x++) plain[to + x] = rows[from + x] + plain[to + x - step];
}

/**
 * The neighbours are kept at hand: this loop is most of what decoding takes.
 * @param {Bytes} rows
 * @param {number} from
 * @param {Bytes} plain
 * @param {number} to
 * @param {number} width
 * @param {number} step
 * @param {boolean} hasAbove
 */
function unfilterPaeth(rows, from, plain, to, width, step, hasAbove) {
  for (let offset = 0; offset < step; offset++) {
    let left = 0;
    let corner = 0;
    for (let x = offset; x < width; x += step) {
      const up = hasAbove ? plain[to - width + x] : 0;
      const byLeft = Math.abs(up - corner);
      const byUp = Math.abs(left - corner);
      const byCorner = Math.abs(left + up - 2 * corner);
      const best = byLeft <= byUp && byLeft <= byCorner ? left : byUp <= byCorner ? up : corner;
      left = (rows[from + x] + best) & 255;
      plain[to + x] = left;
      corner = up;
    }
  }
}

/**
 * PNG stores the higher byte first.
 * @param {Bytes} bytes
 */
function swapped(bytes) {
  const values = new Uint16Array(bytes.length / 2);
  for (let index = 0; index < values.length; index++) values[index] = (bytes[2 * index] << 8) | bytes[2 * index + 1];
  return values;
}
