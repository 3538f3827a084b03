// What all panels show alike: zoom and centre, window and inversion, the magnifier, how maps are marked.

import { Region } from "./grey.js";
import { Window } from "./window.js";

/**
 * A place of a panel, or of the picture, in shares of its side.
 * @typedef {{ x: number, y: number }} Point
 */

/**
 * How maps are marked: the share of the pixels, in percent, and how opaque.
 * @typedef {{ percent: number, opacity: number }} MarkingStyle
 */

const FARTHEST = 16;
const MAGNIFIED = 2;
const LENS = 0.4; // side of the magnifier, as a share of the panel

export class View {
  zoom = 1;
  x = 0.5; // what lies in the middle of a panel, in shares of the picture
  y = 0.5;
  window = new Window();
  /** @type {MarkingStyle} */
  marking;
  magnifier = false;
  windowing = false; // whether one finger sets the window, instead of scrolling the page
  /** @type {Point} */
  pointer = { x: 0.5, y: 0.5 }; // of the panel
  #changed;
  #marked;

  /**
   * @param {number} percent of the pixels are marked at first
   * @param {() => void} changed called after every change
   */
  constructor(percent, changed) {
    this.#marked = { percent, opacity: 1 };
    this.marking = this.#marked;
    this.#changed = changed;
  }

  /**
   * Zooms so that what lies under a point of the panel stays there.
   * @param {Point} point
   * @param {number} factor
   */
  zoomAt(point, factor) {
    const zoom = Math.min(FARTHEST, Math.max(1, this.zoom * factor));
    this.x += (point.x - 0.5) * (1 / this.zoom - 1 / zoom);
    this.y += (point.y - 0.5) * (1 / this.zoom - 1 / zoom);
    this.zoom = zoom;
    this.#keepInside();
  }

  /**
   * Moves the picture by shares of the panel.
   * @param {number} right
   * @param {number} down
   */
  moveBy(right, down) {
    this.x -= right / this.zoom;
    this.y -= down / this.zoom;
    this.#keepInside();
  }

  fit() {
    Object.assign(this, { zoom: 1, x: 0.5, y: 0.5 });
    this.#changed();
  }

  /**
   * @param {number} wider
   * @param {number} higher
   */
  changeWindow(wider, higher) {
    const { width, level, inverted } = this.window;
    this.setWindow(new Window(width + wider, level + higher, inverted));
  }

  /** @param {Window} window */
  setWindow(window) {
    this.window = window;
    this.#changed();
  }

  invert() {
    const { width, level, inverted } = this.window;
    this.setWindow(new Window(width, level, !inverted));
  }

  /** @param {Partial<MarkingStyle>} changes */
  mark(changes) {
    this.marking = { ...this.marking, ...changes };
    this.#changed();
  }

  /** @param {boolean} on */
  magnify(on) {
    this.magnifier = on;
    this.#changed();
  }

  /**
   * One finger sets the window from now on, or scrolls the page.
   * @param {boolean} on
   */
  useWindow(on) {
    this.windowing = on;
    this.#changed();
  }

  /** @param {Point} point */
  pointAt(point) {
    this.pointer = point;
    if (this.magnifier) this.#changed();
  }

  reset() {
    this.window = new Window();
    this.marking = this.#marked;
    this.magnifier = false;
    this.windowing = false;
    this.fit();
  }

  /**
   * What lies on the picture at a point of the panel; never beside the picture.
   * @param {Point} point
   */
  toPicture({ x, y }) {
    const inside = (/** @type {number} */ share) => Math.min(1, Math.max(0, share));
    return { x: inside(this.x + (x - 0.5) / this.zoom), y: inside(this.y + (y - 0.5) / this.zoom) };
  }

  /**
   * The other way round: below 0 or above 1 where the panel does not show it.
   * @param {Point} point
   */
  toPanel({ x, y }) {
    return { x: 0.5 + (x - this.x) * this.zoom, y: 0.5 + (y - this.y) * this.zoom };
  }

  /**
   * The part of the picture that a panel of so many pixels shows.
   * @param {number} side
   */
  region(side) {
    const scale = this.zoom * side;
    return new Region(this.x - 0.5 / this.zoom, this.y - 0.5 / this.zoom, scale, side, side);
  }

  /**
   * The part of the picture that the magnifier of such a panel shows, and where in the panel it lies.
   * @param {number} side
   */
  lens(side) {
    const { left, top, scale } = this.region(side);
    const size = Math.round(LENS * side);
    const closer = scale * MAGNIFIED;
    const point = { x: this.pointer.x * side, y: this.pointer.y * side };
    const region = new Region(
      left + point.x / scale - size / 2 / closer, top + point.y / scale - size / 2 / closer, closer, size, size,
    );
    return { region, x: Math.round(point.x - size / 2), y: Math.round(point.y - size / 2) };
  }

  #keepInside() {
    const margin = 0.5 / this.zoom;
    this.x = Math.min(1 - margin, Math.max(margin, this.x));
    this.y = Math.min(1 - margin, Math.max(margin, this.y));
    this.#changed();
  }
}
