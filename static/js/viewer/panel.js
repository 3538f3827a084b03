// One picture on its canvas: the X-ray, the X-ray with a map's marking, or the counterfactual; and the magnifier.

const RING = "#dde2e7";

export class Panel {
  figure;
  canvas;
  key;
  #context;
  #paint;

  // `paint(context, region, xray, view)` draws a region, for which `xray` is a canvas of the X-ray.
  constructor(figure, paint) {
    this.figure = figure;
    this.canvas = figure.querySelector("canvas");
    this.key = figure.dataset.panel;
    this.#context = this.canvas.getContext("2d", { alpha: false });
    this.#paint = paint;
  }

  resize(side) {
    Object.assign(this.canvas, { width: side, height: side });
  }

  draw({ view, region, xray, lens }) {
    this.#paint(this.#context, region, xray, view);
    if (lens) this.#drawLens(lens, view);
  }

  #drawLens({ region, x, y, xray }, view) {
    const context = this.#context;
    const radius = region.width / 2;
    context.save();
    context.translate(x, y);
    context.beginPath();
    context.arc(radius, radius, radius, 0, 2 * Math.PI);
    context.save();
    context.clip();
    this.#paint(context, region, xray, view);
    context.restore();
    context.lineWidth = Math.max(1, region.width / 120);
    context.strokeStyle = RING;
    context.stroke();
    context.restore();
  }
}
