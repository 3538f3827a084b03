// One picture on its canvas: the X-ray, the X-ray with a map's marking, or the counterfactual; and the magnifier.

import { within } from "../common/elements.js";
import { contextOf } from "./grey.js";

/** @import { Region } from "./grey.js" */
/** @import { View } from "./view.js" */

/**
 * Draws a region, for which `xray` is a canvas of the X-ray.
 * @typedef {(context: CanvasRenderingContext2D, region: Region, xray: HTMLCanvasElement, view: View) => void} Paint
 */

/**
 * The magnifier: what it shows, where in the panel it lies, and the X-ray there.
 * @typedef {{ region: Region, x: number, y: number, xray: HTMLCanvasElement }} Lens
 */

const RING = "#dde2e7";

export class Panel {
  #context;
  #paint;

  /**
   * @param {HTMLElement} figure
   * @param {Paint} paint
   */
  constructor(figure, paint) {
    this.figure = figure;
    this.canvas = within(figure, "canvas", HTMLCanvasElement);
    this.key = figure.dataset.panel ?? "";
    this.#context = contextOf(this.canvas, { alpha: false });
    this.#paint = paint;
  }

  // The element that holds the canvas and has its size on the page.
  get holder() {
    return /** @type {HTMLElement} */ (this.canvas.parentElement);
  }

  /** @param {number} side */
  resize(side) {
    Object.assign(this.canvas, { width: side, height: side });
  }

  /** @param {{ view: View, region: Region, xray: HTMLCanvasElement, lens: Lens | null }} shown */
  draw({ view, region, xray, lens }) {
    this.#paint(this.#context, region, xray, view);
    if (lens) this.#drawLens(lens, view);
  }

  /**
   * @param {Lens} lens
   * @param {View} view
   */
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
