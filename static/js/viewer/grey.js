// A grey picture that is drawn through a window: only as many pixels are touched as the screen shows.

/** @import { Picture } from "./copies.js" */

const SURVEYED = 512; // pixels per side of the largest copy whose greys are counted
const ENOUGH = 0.9; // pixels of a copy per pixel of the screen: from here on it is sharp

// A region of the screen that shows a part of a picture: the picture's left and top edge in the coordinates of the
// region lie at -left * scale and -top * scale, its side is `scale` pixels long.
export class Region {
  /**
   * @param {number} left
   * @param {number} top
   * @param {number} scale
   * @param {number} width
   * @param {number} height
   */
  constructor(left, top, scale, width, height) {
    this.left = left;
    this.top = top;
    this.scale = scale;
    this.width = width;
    this.height = height;
  }
}

export class Grey {
  #copies;
  #canvas = document.createElement("canvas");
  #context = contextOf(this.#canvas, { willReadFrequently: true });
  /** @type {ImageData | null} */
  #pixels = null;

  /** @param {Picture[]} copies the picture and its halves (see copies.js) */
  constructor(copies) {
    this.#copies = copies;
  }

  // Pixels along its side.
  get width() {
    return this.#copies[0].width;
  }

  get maximum() {
    return this.#copies[0].values instanceof Uint16Array ? 65535 : 255;
  }

  /**
   * Grey values, as fractions of the scale, below which these shares of the picture lie.
   * @param {number[]} shares
   */
  quantiles(shares) {
    const { values } = this.#copies.find((copy) => copy.width <= SURVEYED) ?? this.#copies[this.#copies.length - 1];
    const counts = new Uint32Array(this.maximum + 1);
    for (const value of values) counts[value]++;
    return shares.map((share) => {
      let [value, below] = [0, counts[0]];
      while (below < share * values.length) below += counts[++value];
      return value / this.maximum;
    });
  }

  /**
   * Draws a region to the context's upper left corner.
   * @param {CanvasRenderingContext2D} context
   * @param {Region} region
   * @param {Uint32Array} table the colour of each grey value (see window.js)
   */
  draw(context, region, table) {
    const copy = this.#copyFor(region.scale);
    const shown = visible(copy, region);
    if (shown.width < 1 || shown.height < 1) return;
    this.#fill(copy, shown, table);
    const across = region.scale / copy.width;
    const down = region.scale / copy.height;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "low"; // bilinear: all that is needed, since a copy has about the screen's size
    context.drawImage(
      this.#canvas, 0, 0, shown.width, shown.height,
      shown.x * across - region.left * region.scale, shown.y * down - region.top * region.scale,
      shown.width * across, shown.height * down,
    );
  }

  /** @param {number} scale */
  #copyFor(scale) {
    return this.#copies.findLast((copy) => copy.width >= ENOUGH * scale) ?? this.#copies[0];
  }

  /**
   * @param {Picture} copy
   * @param {{ x: number, y: number, width: number, height: number }} shown
   * @param {Uint32Array} table
   */
  #fill(copy, { x, y, width, height }, table) {
    let pixels = this.#pixels;
    if (pixels?.width !== width || pixels.height !== height) {
      this.#pixels = pixels = new ImageData(width, height);
      Object.assign(this.#canvas, { width, height }); // no larger: smoothing would fade its edges into what lies beyond
    }
    const colours = new Uint32Array(pixels.data.buffer);
    const { values } = copy;
    for (let row = 0, to = 0; row < height; row++) {
      let from = (y + row) * copy.width + x;
      for (const end = to + width; to < end; ) colours[to++] = table[values[from++]];
    }
    this.#context.putImageData(pixels, 0, 0);
  }
}

/**
 * What draws on a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("this browser has no memory left for pictures");
  return context;
}

/**
 * The part of a copy that a region shows, and a pixel around it for the smoothing.
 * @param {Picture} copy
 * @param {Region} region
 */
function visible(copy, { left, top, scale, width, height }) {
  const x = Math.max(0, Math.floor(left * copy.width) - 1);
  const y = Math.max(0, Math.floor(top * copy.height) - 1);
  return {
    x,
    y,
    width: Math.min(copy.width, Math.ceil((left + width / scale) * copy.width) + 1) - x,
    height: Math.min(copy.height, Math.ceil((top + height / scale) * copy.height) + 1) - y,
  };
}
