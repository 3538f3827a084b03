// Prediction against lambda as a drawing: the point of the current frame, and a way to any other by click or drag.

import { gettext, interpolate } from "../common/words.js";

/** @import { CurveData } from "./sources.js" */

/** @typedef {{ [name: string]: string | number }} Attributes */

const SVG = "http://www.w3.org/2000/svg";
const SIDE = 320;
const PLOT = { left: 46, right: 304, top: 44, bottom: 270 };
const ROOM = 14; // between the label of an end and the 0, beside the width of its characters
const CHARACTER = 10;
const LEVELS = [0, 0.5, 1];

export class Curve {
  #svg;
  #lambdas;
  #predictions;
  #point;
  #reading;
  #guide;

  /**
   * @param {SVGElement} svg
   * @param {CurveData} curve
   * @param {(frame: number, done: boolean) => void} choose with the frame that was clicked, and at the end of a drag
   *   with `true` besides
   */
  constructor(svg, { lambdas, predictions, zero }, choose) {
    this.#svg = svg;
    this.#lambdas = lambdas;
    this.#predictions = predictions;
    svg.setAttribute("viewBox", `0 0 ${SIDE} ${SIDE}`);
    this.#axes(zero);
    this.#guide = this.#add("line", { class: "curve-guide", y1: PLOT.top, y2: PLOT.bottom });
    const points = lambdas.map((_, frame) => `${this.#x(frame)},${this.#y(predictions[frame])}`);
    this.#add("polyline", { class: "curve-line", points: points.join(" ") });
    for (const frame of lambdas.keys()) {
      this.#add("circle", { class: "curve-frame", cx: this.#x(frame), cy: this.#y(predictions[frame]), r: 2 });
    }
    this.#point = this.#add("circle", { class: "curve-point", r: 6 });
    this.#reading = this.#add("text", { class: "curve-reading", x: PLOT.right, y: 24, "text-anchor": "end" });
    svg.setAttribute("aria-label", summary(lambdas, predictions));
    this.#listen(choose);
  }

  /** @param {number} frame */
  show(frame) {
    const [x, y] = [this.#x(frame), this.#y(this.#predictions[frame])];
    set(this.#point, { cx: x, cy: y });
    set(this.#guide, { x1: x, x2: x });
    this.#reading.textContent = `p = ${percent(this.#predictions[frame])} at λ = ${number(this.#lambdas[frame])}`;
  }

  /** @param {number} frame */
  #x(frame) {
    const [low, high] = [this.#lambdas[0], this.#lambdas[this.#lambdas.length - 1]];
    const share = high > low ? (this.#lambdas[frame] - low) / (high - low) : 0.5;
    return Math.round(10 * (PLOT.left + share * (PLOT.right - PLOT.left))) / 10;
  }

  /** @param {number} prediction */
  #y(prediction) {
    return Math.round(10 * (PLOT.bottom - prediction * (PLOT.bottom - PLOT.top))) / 10;
  }

  /** @param {number} zero */
  #axes(zero) {
    for (const level of LEVELS) {
      const y = this.#y(level);
      this.#add("line", { class: "curve-grid", x1: PLOT.left, x2: PLOT.right, y1: y, y2: y });
      this.#add("text", { class: "curve-label", x: PLOT.left - 7, y: y + 4, "text-anchor": "end" }, percent(level));
    }
    const x = this.#x(zero);
    this.#add("line", { class: "curve-zero", x1: x, x2: x, y1: PLOT.top, y2: PLOT.bottom });
    const last = this.#lambdas.length - 1;
    for (const { frame, anchor } of [{ frame: 0, anchor: "start" }, { frame: last, anchor: "end" }]) {
      const label = { class: "curve-label", x: this.#x(frame), y: PLOT.bottom + 18, "text-anchor": anchor };
      const text = number(this.#lambdas[frame]);
      if (Math.abs(this.#x(frame) - x) > ROOM + CHARACTER * text.length) this.#add("text", label, text);
    }
    this.#add("text", { class: "curve-label", x, y: PLOT.bottom + 18, "text-anchor": "middle" }, "0");
    const middle = (PLOT.left + PLOT.right) / 2;
    const below = { class: "curve-label", x: middle, y: PLOT.bottom + 38, "text-anchor": "middle" };
    this.#add("text", below, gettext("less  ←  λ  →  more"));
  }

  /**
   * @param {string} name
   * @param {Attributes} attributes
   */
  #add(name, attributes, text = "") {
    const made = document.createElementNS(SVG, name);
    set(made, attributes);
    made.textContent = text;
    this.#svg.append(made);
    return made;
  }

  /** @param {(frame: number, done: boolean) => void} choose */
  #listen(choose) {
    /** @type {number | null} */
    let chosen = null;
    /** @type {PointerEvent | null} */
    let began = null; // where a finger came down, which may be about to scroll the page
    const go = (/** @type {PointerEvent} */ event) => {
      chosen = this.#frameAt(event.clientX);
      choose(chosen, false);
    };
    this.#svg.addEventListener("pointerdown", (event) => {
      this.#svg.setPointerCapture(event.pointerId);
      if (event.pointerType === "touch") began = event;
      else go(event);
    });
    this.#svg.addEventListener("pointermove", (event) => {
      if (chosen !== null || began !== null) go(event);
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      this.#svg.addEventListener(kind, () => {
        if (kind === "pointerup" && began !== null && chosen === null) go(began); // a tap
        began = null;
        if (chosen !== null) choose(chosen, true);
        chosen = null;
      });
    }
  }

  /** @param {number} clientX */
  #frameAt(clientX) {
    const box = this.#svg.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * SIDE;
    const distances = this.#lambdas.map((_, frame) => Math.abs(this.#x(frame) - x));
    return distances.indexOf(Math.min(...distances));
  }
}

/** @param {number} prediction */
export const percent = (prediction) => `${Math.round(100 * prediction)}%`;

/** @param {number} lambda */
export function number(lambda) {
  return lambda.toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
}

/**
 * @param {number[]} lambdas
 * @param {number[]} predictions
 */
function summary(lambdas, predictions) {
  const end = (/** @type {number} */ frame) => ({ p: percent(predictions[frame]), at: number(lambdas[frame]) });
  const [first, last] = [end(0), end(lambdas.length - 1)];
  const text = gettext("Prediction along the counterfactual: from %(p0)s at lambda %(l0)s to %(p1)s at lambda %(l1)s");
  return interpolate(text, { p0: first.p, l0: first.at, p1: last.p, l1: last.at });
}

/**
 * @param {Element} node
 * @param {Attributes} attributes
 */
function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
}
