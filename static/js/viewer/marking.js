// The red marking of a map: its highest-ranking pixels, as crisp as published.

const BEST = 255; // rank of the first half percent; 254 is the next, and so on
const STEPS_PER_PERCENT = 2;
const RED = new Uint8Array([255, 0, 0, 255]);

export class Marking {
  #ranks;
  #canvas = document.createElement("canvas");
  #context = this.#canvas.getContext("2d");
  #percent = null;

  constructor([{ width, height, values }]) {
    this.#ranks = values;
    Object.assign(this.#canvas, { width, height });
  }

  // Draws a region (see grey.js) with the highest `percent` of the map in red.
  draw(context, region, { percent, opacity }) {
    if (percent !== this.#percent) this.#mark(percent);
    context.imageSmoothingEnabled = false;
    context.globalAlpha = opacity;
    context.drawImage(this.#canvas, -region.left * region.scale, -region.top * region.scale, region.scale, region.scale);
    context.globalAlpha = 1;
  }

  #mark(percent) {
    this.#percent = percent;
    const lowest = BEST + 1 - Math.round(percent * STEPS_PER_PERCENT);
    const pixels = this.#context.createImageData(this.#canvas.width, this.#canvas.height);
    const colours = new Uint32Array(pixels.data.buffer);
    const [red] = new Uint32Array(RED.buffer);
    this.#ranks.forEach((rank, index) => {
      if (rank >= lowest) colours[index] = red;
    });
    this.#context.putImageData(pixels, 0, 0);
  }
}
