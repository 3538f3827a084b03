// Marks a point or a box on the X-ray of a case, by mouse, touch or keyboard, and shows what was marked.
//
// Places are shares of the X-ray's side, whatever part of it the panel shows: zoomed, moved or enlarged, a mark lies
// where the feature lies. The pictures can be zoomed and moved while a mark is being set.

import { around } from "../common/elements.js";
import { listen, tell } from "../common/messages.js";
import { gettext } from "../common/words.js";
import { Gestures } from "../viewer/gestures.js";
import { boxOf, clamp, pixelsOf } from "./places.js";

/** @import { Mark, PixelPlace, Place } from "../common/messages.js" */
/** @import { Point, View } from "../viewer/view.js" */

const STEP = 0.01; // of the panel's side, for an arrow key
const LARGE_STEP = 0.05; // with Shift
const SMALLEST_BOX = 0.01; // of the panel's side: less is a click
const EDGE = 0.03; // a mark set by key stays so far inside the panel, which follows it
/** @type {{ [key: string]: [number, number] }} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PICTURE_KEYS = /^[-+=imrep]$/i; // zoom, window, enlarged view: they go on working

export class Marker {
  #picture;
  #view;
  #size = 0;
  /** @type {Map<string, { element: HTMLElement, place: Place }>} */
  #marks = new Map();
  /** @type {Drawing | null} */
  #drawing = null;

  /**
   * @param {HTMLElement} picture the X-ray's place on the page
   * @param {View} view what the panels show of it
   * @param {AbortSignal} signal ends the case
   */
  constructor(picture, view, signal) {
    this.#picture = picture;
    this.#view = view;
    listen("mark:show", (mark) => this.#show(mark), signal);
    listen("mark:start", (mark) => {
      if (!this.#size) return;
      this.#drawing?.end();
      this.#drawing = new Drawing({ picture, view, size: this.#size, ended: () => { this.#drawing = null; } }, mark);
    }, signal);
    signal.addEventListener("abort", () => this.#drawing?.end());
  }

  /**
   * The X-ray is there.
   * @param {number} size pixels along its side
   */
  enable(size) {
    this.#size = size;
  }

  // After the view has changed.
  draw() {
    for (const { element, place } of this.#marks.values()) position(element, this.#view, place);
    this.#drawing?.draw();
  }

  /** @param {Mark} mark */
  #show({ question, shape, place }) {
    this.#marks.get(question)?.element.remove();
    this.#marks.delete(question);
    if (!place) return;
    const element = made(`mark mark-${shape}`);
    position(element, this.#view, place);
    this.#picture.append(element);
    this.#marks.set(question, { element, place });
  }
}

/**
 * Where a mark is drawn: on the picture, in what the panel shows of it. ended() is called when it is.
 * @typedef {{ picture: HTMLElement, view: View, size: number, ended: () => void }} Ground
 */

// One mark while it is being set, on a surface over the X-ray.
class Drawing {
  #ground;
  #question;
  #box;
  #surface = made("mark-surface");
  #cross;
  #at;
  /** @type {Place | null} */
  #corner = null;
  #ended = false;
  #byKey = false;

  /**
   * @param {Ground} ground
   * @param {Mark} mark
   */
  constructor(ground, { question, shape, place: before }) {
    this.#ground = ground;
    this.#question = question;
    this.#box = shape === "box";
    this.#at = this.#first(before);
    this.#cross = made(`mark mark-${shape} drawing`);
    this.#open();
    this.draw();
  }

  /** @param {PixelPlace | null} place null where the reader gave up */
  end(place = null) {
    if (this.#ended) return; // taking the surface away takes the focus from it, which would end it once more
    this.#ended = true;
    this.#surface.remove();
    this.#ground.ended();
    tell("mark:done", { question: this.#question, byKey: this.#byKey, place });
  }

  draw() {
    position(this.#cross, this.#ground.view, this.#drawn());
  }

  /**
   * What was marked before, where it is in view; else the middle of what is.
   * @param {Place | null} before
   * @returns {Place}
   */
  #first(before) {
    const { view } = this.#ground;
    if (before) {
      const at = view.toPanel(before);
      if ([at.x, at.y].every((share) => share >= 0 && share <= 1)) return { x: before.x, y: before.y };
    }
    return view.toPicture({ x: 0.5, y: 0.5 });
  }

  #open() {
    const { picture, view } = this.#ground;
    const surface = this.#surface;
    const hint = made("mark-hint");
    surface.tabIndex = 0;
    surface.setAttribute("role", "application");
    hint.textContent = this.#box
      ? gettext("Draw a box, or Enter for each corner · Esc")
      : gettext("Click, or arrows and Enter · Esc");
    const label = this.#box
      ? gettext(
        "Mark on the X-ray. Arrow keys move; Enter sets the first and then the opposite corner; Escape gives up.",
      )
      : gettext("Mark on the X-ray. Arrow keys move, Enter marks; Escape gives up.");
    surface.setAttribute("aria-label", label);
    surface.append(this.#cross, hint);
    picture.append(surface);
    // Wheel, pinch, right button and Shift do what they always do; a plain drag, click or finger belongs to the mark.
    new Gestures(surface, view, "xray", {
      begin: (at) => this.#begin(at),
      go: (at) => this.#go(at),
      finish: (at) => this.#finish(at),
      cancel: () => this.#cancel(),
    });
    surface.addEventListener("keydown", (event) => this.#key(event));
    surface.addEventListener("focusout", ({ relatedTarget }) => {
      if (around(relatedTarget, "#tools, .panel")) return; // a tool is used meanwhile
      // Somewhere else was clicked. Not while the page itself is left: the reader comes back to it.
      if (document.hasFocus()) this.end();
    });
    surface.focus({ preventScroll: true });
    picture.scrollIntoView({ block: "nearest" });
  }

  /** @param {Point} at */
  #begin(at) {
    this.#byKey = false;
    this.#surface.focus({ preventScroll: true });
    this.#at = this.#ground.view.toPicture(at);
    this.#corner = this.#box ? this.#at : null;
    this.draw();
  }

  /** @param {Point} at */
  #go(at) {
    this.#at = this.#ground.view.toPicture(at);
    this.draw();
  }

  /** @param {Point} at */
  #finish(at) {
    this.#go(at);
    this.#done();
  }

  // A second finger came: the picture is moved, and nothing was marked.
  #cancel() {
    this.#corner = null;
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.stopPropagation();
      this.#cancel();
      return;
    }
    if (event.key === "Tab" || event.ctrlKey || event.metaKey || event.altKey || PICTURE_KEYS.test(event.key)) return;
    event.stopPropagation(); // all other keys belong to the mark while it is being set
    event.preventDefault();
    this.#byKey = true;
    if (ARROWS[event.key]) this.#step(ARROWS[event.key], event.shiftKey ? LARGE_STEP : STEP);
    else if (event.key === "Escape") this.end();
    else if (event.key === "Backspace" || event.key.toLowerCase() === "u") this.#corner = null;
    else if ((event.key === "Enter" || event.key === " ") && !event.repeat) {
      if (!this.#box || this.#corner) this.#done();
      else this.#corner = this.#at;
    }
    if (!this.#ended) this.draw();
  }

  /**
   * The picture follows where the mark would leave what is in view.
   * @param {[number, number]} direction
   * @param {number} step
   */
  #step([right, down], step) {
    const { view } = this.#ground;
    this.#at = { x: clamp(this.#at.x + (step * right) / view.zoom), y: clamp(this.#at.y + (step * down) / view.zoom) };
    const at = view.toPanel(this.#at);
    const beyond = (/** @type {number} */ share) => Math.max(0, share - (1 - EDGE)) + Math.min(0, share - EDGE);
    view.moveBy(-beyond(at.x), -beyond(at.y));
    view.pointAt(view.toPanel(this.#at)); // where + and - zoom
  }

  /** @returns {Place} */
  #drawn() {
    return this.#box ? boxOf(this.#corner ?? this.#at, this.#at) : this.#at;
  }

  #done() {
    const { width = 0, height = 0, ...point } = this.#drawn();
    const { size, view } = this.#ground;
    if (this.#box && Math.min(width, height) * view.zoom < SMALLEST_BOX) {
      this.#corner = null; // a click, not a box: once more
      this.draw();
      return;
    }
    this.end(pixelsOf(this.#box ? { ...point, width, height } : point, size));
  }
}

/**
 * Puts an element over the place of the picture that it marks, as the panel shows it.
 * @param {HTMLElement} element
 * @param {View} view
 * @param {Place} place
 */
function position(element, view, { x, y, width, height }) {
  const corner = view.toPanel({ x, y });
  element.style.setProperty("left", `${100 * corner.x}%`);
  element.style.setProperty("top", `${100 * corner.y}%`);
  if (width !== undefined) element.style.setProperty("width", `${100 * width * view.zoom}%`);
  if (height !== undefined) element.style.setProperty("height", `${100 * height * view.zoom}%`);
}

/** @param {string} className */
function made(className) {
  const element = document.createElement("div");
  element.className = className;
  return element;
}
