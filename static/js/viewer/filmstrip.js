// The frames of a counterfactual, side by side and below each other in one picture.

/** @import { Picture } from "./copies.js" */

/**
 * One frame, cut out.
 * @param {Picture} strip
 * @param {{ frame_width: number, frame_height: number, columns: number }} layout
 * @param {number} frame
 * @returns {Picture}
 */
export function frameOf(strip, { frame_width: width, frame_height: height, columns }, frame) {
  const values = new Uint8Array(width * height);
  const left = (frame % columns) * width;
  const top = Math.floor(frame / columns) * height;
  for (let row = 0; row < height; row++) {
    const from = (top + row) * strip.width + left;
    values.set(strip.values.subarray(from, from + width), row * width);
  }
  return { width, height, values };
}
