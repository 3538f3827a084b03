// The red marking of a map: its highest-ranking pixels, as crisp as published.

import { contextOf } from "./grey.js";

/** @import { Picture } from "./copies.js" */
/** @import { Region } from "./grey.js" */
/** @import { MarkingStyle } from "./view.js" */

const BEST = 255; // rank of the first half percent; 254 is the next, and so on
const STEPS_PER_PERCENT = 2;
const RED = new Uint8Array([255, 0, 0, 255]);

export class Marking {
  #ranks;
  #canvas = document.createElement("canvas");
  #context = contextOf(this.#canvas);
  #percent = 0;

  /** @param {Picture[]} copies of the map's ranks */
  constructor([{ width, height, values }]) {
    this.#ranks = values;
    Object.assign(this.#canvas, { width, height });
  }

  /**
   * Draws a region with the highest pixels of the map in red.
   * @param {CanvasRenderingContext2D} context
   * @param {Region} region
   * @param {MarkingStyle} style
   */
  draw(context, region, { percent, opacity }) {
    if (percent !== this.#percent) this.#mark(percent);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = opacity;
    const { left, top, scale } = region;
    context.drawImage(this.#canvas, -left * scale, -top * scale, scale, scale);
    context.globalAlpha = 1;
  }

  /** @param {number} percent */
  #mark(percent) {
    this.#percent = percent;
    const lowest = lowestRank(percent);
    const pixels = this.#context.createImageData(this.#canvas.width, this.#canvas.height);
    const colours = new Uint32Array(pixels.data.buffer);
    const [red] = new Uint32Array(RED.buffer);
    this.#ranks.forEach((rank, index) => {
      if (rank >= lowest) colours[index] = red;
    });
    this.#context.putImageData(pixels, 0, 0);
  }
}

/**
 * The rank from which on a pixel is among the highest `percent`.
 * @param {number} percent
 */
export function lowestRank(percent) {
  return BEST + 1 - Math.round(percent * STEPS_PER_PERCENT);
}
