// Mouse, pen, touch and keys on one picture: window by dragging, zoom at the pointer, moving, whole picture.

import { log, rounded } from "../common/log.js";

const SLACK = 3; // pixels that a click or tap may move without being a drag
const WHEEL = 0.0015; // zoom per pixel of the wheel, as an exponent
const PINCHED_WHEEL = 0.01; // the same for a touchpad's pinch, which comes as a wheel with Ctrl
const LINE = 16; // pixels of a wheel's line
const QUIET = 300; // milliseconds after which turning the wheel is over
const KEY_MOVE = 0.1;
const KEY_WINDOW = 0.04;

export class Gestures {
  #canvas;
  #view;
  #panel;
  #pointers = new Map();
  #mode = null;
  #start = null;
  #before = null;
  #quiet = null;
  #tool;

  // `tool` is what a click, a plain drag or one finger does, where that is not the window: { begin, go, finish, cancel },
  // the first three with a place in shares of the panel.
  constructor(canvas, view, panel, tool = null) {
    this.#canvas = canvas;
    this.#view = view;
    this.#panel = panel;
    this.#tool = tool;
    const listen = (kind, act, options) => canvas.addEventListener(kind, (event) => act.call(this, event), options);
    listen("pointerdown", this.#down);
    listen("pointermove", this.#move);
    for (const kind of ["pointerup", "pointercancel"]) listen(kind, this.#up);
    listen("wheel", this.#wheel, { passive: false });
    // One finger scrolls the page (touch-action in viewer.css); two belong to the picture, whatever the browser would do.
    for (const kind of ["touchstart", "touchmove"]) listen(kind, this.#keepTwo, { passive: false });
    listen("contextmenu", (event) => event.preventDefault()); // the right button moves
    if (tool) return;
    listen("dblclick", this.#doubleClick);
    listen("keydown", this.#key);
  }

  // The case ends: what was being done is told before.
  end() {
    clearTimeout(this.#quiet);
    this.#tell();
  }

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  #keepTwo(event) {
    if (event.touches.length > 1 && event.cancelable) event.preventDefault();
  }

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
        this.#tool.begin(this.#place(event));
      }
      return;
    }
    if (this.#mode === "tool") this.#tool.cancel();
    this.#mode = "pinch";
  }

  #modeOf(event) {
    if (event.button !== 0 || event.shiftKey) return "move";
    if (this.#tool) return "tool";
    const looks = event.pointerType === "touch" && (this.#view.magnifier || !this.#view.windowing);
    return looks ? "look" : "window";
  }

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
    if (this.#mode === "tool") this.#tool.go(now);
    else if (this.#mode === "window") this.#view.changeWindow(right, down);
    else if (this.#mode === "move") this.#view.moveBy(right, down);
    else if (this.#mode === "pinch" && others.length === 1) this.#pinch(others[0], last, now);
  }

  // One of two fingers has moved: what lies under both stays there.
  #pinch(other, last, now) {
    const middle = (place) => ({ x: (place.x + other.x) / 2, y: (place.y + other.y) / 2 });
    const apart = (place) => Math.max(0.01, Math.hypot(place.x - other.x, place.y - other.y));
    this.#view.zoomAt(middle(last), apart(now) / apart(last)); // first: what is larger has room to move
    this.#view.moveBy(middle(now).x - middle(last).x, middle(now).y - middle(last).y);
  }

  #up(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#mode === "tool") {
      if (event.type === "pointerup") this.#tool.finish(this.#place(event));
      else this.#tool.cancel();
    }
    if (this.#pointers.size) this.#mode = "look"; // the finger that is left does nothing by accident
    else {
      this.#mode = null;
      this.#tell();
    }
  }

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

  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
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
    if (window !== before.window) log("window", this.#panel, { width: rounded(window.width), level: rounded(window.level) });
    if (zoom !== before.zoom || x !== before.x || y !== before.y) {
      log("zoom", this.#panel, { zoom: rounded(zoom), x: rounded(x), y: rounded(y) });
    }
  }
}
