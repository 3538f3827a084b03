// Mouse, pen, touch and keys on one picture: window by dragging, zoom at the pointer, moving, whole picture.

import { log, rounded } from "../common/messages.js";

/** @import { Point, View } from "./view.js" */
/** @import { Window } from "./window.js" */

/**
 * What a click, a plain drag or one finger does, where that is not the window; at points of the panel.
 * @typedef {object} Tool
 * @property {(at: Point) => void} begin
 * @property {(at: Point) => void} go
 * @property {(at: Point) => void} finish
 * @property {() => void} cancel
 */

const SLACK = 3; // pixels that a click or tap may move without being a drag
const WHEEL = 0.0015; // zoom per pixel of the wheel, as an exponent
const PINCHED_WHEEL = 0.01; // the same for a touchpad's pinch, which comes as a wheel with Ctrl
const LINE = 16; // pixels of a wheel's line
const QUIET = 300; // milliseconds after which turning the wheel is over
const KEY_MOVE = 0.1;
const KEY_WINDOW = 0.04;
/** @type {{ [key: string]: [number, number] }} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Gestures {
  #canvas;
  #view;
  #panel;
  /** @type {Map<number, Point>} */
  #pointers = new Map();
  /** @type {"window" | "move" | "pinch" | "look" | "tool" | null} */
  #mode = null;
  /** @type {Point | null} */
  #start = null; // in pixels of the page
  /** @type {{ zoom: number, x: number, y: number, window: Window } | null} */
  #before = null;
  #quiet = 0;
  #tool;

  /**
   * @param {HTMLElement} canvas
   * @param {View} view
   * @param {string} panel
   * @param {Tool | null} tool
   */
  constructor(canvas, view, panel, tool = null) {
    this.#canvas = canvas;
    this.#view = view;
    this.#panel = panel;
    this.#tool = tool;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#up(event));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    // One finger scrolls the page (touch-action in viewer.css); two belong to the picture, whatever the browser does.
    canvas.addEventListener("touchstart", (event) => this.#keepTwo(event), { passive: false });
    canvas.addEventListener("touchmove", (event) => this.#keepTwo(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault()); // the right button moves
    if (tool) return;
    canvas.addEventListener("dblclick", () => this.#doubleClick());
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  // The case ends: what was being done is told before.
  end() {
    clearTimeout(this.#quiet);
    this.#tell();
  }

  /**
   * @param {MouseEvent} event
   * @returns {Point}
   */
  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  /** @param {TouchEvent} event */
  #keepTwo(event) {
    if (event.touches.length > 1 && event.cancelable) event.preventDefault();
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button === 1) event.preventDefault(); // else the middle button scrolls
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#place(event));
    this.#view.pointAt(this.#place(event));
    if (this.#pointers.size === 1) {
      this.#before = this.#state();
      this.#start = { x: event.clientX, y: event.clientY };
      this.#mode = this.#modeOf(event);
      if (this.#mode === "tool") {
        event.preventDefault();
        this.#tool?.begin(this.#place(event));
      }
      return;
    }
    if (this.#mode === "tool") this.#tool?.cancel();
    this.#mode = "pinch";
  }

  /** @param {PointerEvent} event */
  #modeOf(event) {
    if (event.button !== 0 || event.shiftKey) return "move";
    if (this.#tool) return "tool";
    const looks = event.pointerType === "touch" && (this.#view.magnifier || !this.#view.windowing);
    return looks ? "look" : "window";
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const now = this.#place(event);
    this.#view.pointAt(now);
    const last = this.#pointers.get(event.pointerId);
    if (!last) return;
    if (this.#start && Math.hypot(event.clientX - this.#start.x, event.clientY - this.#start.y) < SLACK) return;
    this.#start = null;
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.#pointers.set(event.pointerId, now);
    const [right, down] = [now.x - last.x, now.y - last.y];
    if (this.#mode === "tool") this.#tool?.go(now);
    else if (this.#mode === "window") this.#view.changeWindow(right, down);
    else if (this.#mode === "move") this.#view.moveBy(right, down);
    else if (this.#mode === "pinch" && others.length === 1) this.#pinch(others[0], last, now);
  }

  /**
   * One of two fingers has moved: what lies under both stays there.
   * @param {Point} other
   * @param {Point} last
   * @param {Point} now
   */
  #pinch(other, last, now) {
    const middle = (/** @type {Point} */ { x, y }) => ({ x: (x + other.x) / 2, y: (y + other.y) / 2 });
    const apart = (/** @type {Point} */ { x, y }) => Math.max(0.01, Math.hypot(x - other.x, y - other.y));
    this.#view.zoomAt(middle(last), apart(now) / apart(last)); // first: what is larger has room to move
    this.#view.moveBy(middle(now).x - middle(last).x, middle(now).y - middle(last).y);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#mode === "tool") {
      if (event.type === "pointerup") this.#tool?.finish(this.#place(event));
      else this.#tool?.cancel();
    }
    if (this.#pointers.size) this.#mode = "look"; // the finger that is left does nothing by accident
    else {
      this.#mode = null;
      this.#tell();
    }
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#before ??= this.#state();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    this.#view.zoomAt(this.#place(event), Math.exp(-pixels * (event.ctrlKey ? PINCHED_WHEEL : WHEEL)));
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#tell(), QUIET);
  }

  #doubleClick() {
    this.#before = this.#state();
    this.#view.fit();
    this.#tell();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const way = ARROWS[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.#before = this.#state();
    if (event.shiftKey) this.#view.changeWindow(KEY_WINDOW * way[0], KEY_WINDOW * way[1]);
    else this.#view.moveBy(-KEY_MOVE * way[0], -KEY_MOVE * way[1]);
    this.#tell();
  }

  #state() {
    const { zoom, x, y, window } = this.#view;
    return { zoom, x, y, window };
  }

  #tell() {
    const { zoom, x, y, window } = this.#view;
    const before = this.#before;
    this.#before = null;
    if (!before) return;
    if (window !== before.window) {
      log("window", this.#panel, { width: rounded(window.width), level: rounded(window.level) });
    }
    if (zoom !== before.zoom || x !== before.x || y !== before.y) {
      log("zoom", this.#panel, { zoom: rounded(zoom), x: rounded(x), y: rounded(y) });
    }
  }
}
