// Where a mark lies on the X-ray: in pixels as it is stored, in shares of the X-ray's side as it is drawn.

/** @import { PixelPlace, Place } from "../common/messages.js" */

const PRECISION = 1e4; // parts of a pixel

/**
 * @param {PixelPlace} place
 * @returns {Place}
 */
export function sharesOf({ size, ...place }) {
  return changed(place, (pixels) => pixels / size);
}

/**
 * @param {Place} place
 * @param {number} size
 * @returns {PixelPlace}
 */
export function pixelsOf(place, size) {
  return { ...changed(place, (share) => Math.round(PRECISION * share * size) / PRECISION), size };
}

/**
 * The box between two of its corners.
 * @param {Place} corner
 * @param {Place} opposite
 */
export function boxOf(corner, opposite) {
  return {
    x: Math.min(corner.x, opposite.x),
    y: Math.min(corner.y, opposite.y),
    width: Math.abs(corner.x - opposite.x),
    height: Math.abs(corner.y - opposite.y),
  };
}

/**
 * @param {number} share
 */
export function clamp(share) {
  return Math.min(1, Math.max(0, share));
}

/**
 * @param {Place} place
 * @param {(side: number) => number} change
 */
function changed({ x, y, width, height }, change) {
  const point = { x: change(x), y: change(y) };
  if (width === undefined || height === undefined) return point;
  return { ...point, width: change(width), height: change(height) };
}
