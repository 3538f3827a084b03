// A picture and its halves, each a quarter of the one before: a frame is drawn from the one that has the screen's size.

/**
 * Grey values, row by row.
 * @typedef {{ width: number, height: number, values: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> }} Picture
 */

const SMALLEST = 64; // pixels per side of the smallest copy

/**
 * All copies of a picture, the largest first: itself.
 * @param {Picture} picture
 */
export function copiesOf(picture) {
  const copies = [picture];
  for (let last = picture; Math.min(last.width, last.height) >= 2 * SMALLEST; ) {
    last = halved(last);
    copies.push(last);
  }
  return copies;
}

/**
 * @param {Picture} picture
 * @returns {Picture}
 */
function halved({ width, height, values }) {
  const half = { width: width >> 1, height: height >> 1 };
  const pixels = half.width * half.height;
  const means = values instanceof Uint16Array ? new Uint16Array(pixels) : new Uint8Array(pixels);
  for (let row = 0, to = 0; row < half.height; row++) {
    let from = 2 * row * width;
    for (let column = 0; column < half.width; column++, from += 2) {
      means[to++] = (values[from] + values[from + 1] + values[from + width] + values[from + width + 1] + 2) >> 2;
    }
  }
  return { ...half, values: means };
}
