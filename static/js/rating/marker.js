// Marks a point or a box on the X-ray of a case, by mouse, touch or keyboard, and shows what was marked.
// mark:start {question, shape, place} begins it, unless someone else took it (preventDefault); mark:done tells the
// place in pixels of the X-ray with its size, or only the question where the reader gave up.
//
// Places are shares of the X-ray's side, whatever part of it the panel shows: zoomed, moved or enlarged, a mark lies where
// the feature lies. The pictures can be zoomed and moved while a mark is being set.

import { Gestures } from "../viewer/gestures.js";
import { gettext } from "../common/words.js";

const STEP = 0.01; // of the panel's side, for an arrow key
const LARGE_STEP = 0.05; // with Shift
const SMALLEST_BOX = 0.01; // of the panel's side: less is a click
const EDGE = 0.03; // a mark set by key stays so far inside the panel, which follows it
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PICTURE_KEYS = /^[-+=imrep]$/i; // zoom, window, enlarged view: they go on working
const PRECISION = 1e4;

export class Marker {
  #picture;
  #view;
  #size = null;
  #marks = new Map();
  #drawing = null;

  // `picture` is the X-ray's place on the page, `view` what the panels show of it (see view.js); `signal` ends the case.
  constructor(picture, view, signal) {
    this.#picture = picture;
    this.#view = view;
    document.addEventListener("mark:show", ({ detail }) => this.#show(detail), { signal });
    document.addEventListener("mark:start", (event) => {
      if (event.defaultPrevented || !this.#size) return;
      this.#drawing?.end({});
      this.#drawing = new Drawing({ picture, view, size: this.#size, ended: () => { this.#drawing = null; } }, event.detail);
    }, { signal });
    signal.addEventListener("abort", () => this.#drawing?.end({}));
  }

  // The X-ray is there, with so many pixels along its side.
  enable(size) {
    this.#size = size;
  }

  // After the view has changed.
  draw() {
    for (const { element, place } of this.#marks.values()) put(element, this.#view, place);
    this.#drawing?.draw();
  }

  #show({ question, shape, place }) {
    this.#marks.get(question)?.element.remove();
    this.#marks.delete(question);
    if (!place) return;
    const element = made(`mark mark-${shape}`);
    put(element, this.#view, place);
    this.#picture.append(element);
    this.#marks.set(question, { element, place });
  }
}

// One mark while it is being set, on a surface over the X-ray.
class Drawing {
  #place;
  #question;
  #box;
  #surface = made("mark-surface");
  #cross;
  #at;
  #corner = null;
  #ended = false;
  #byKey = false;

  constructor(place, { question, shape, place: before }) {
    this.#place = place;
    this.#question = question;
    this.#box = shape === "box";
    this.#at = this.#first(before);
    this.#cross = made(`mark mark-${shape} drawing`);
    this.#open();
    this.draw();
  }

  end(found) {
    if (this.#ended) return; // taking the surface away takes the focus from it, which would end it once more
    this.#ended = true;
    this.#surface.remove();
    this.#place.ended();
    const detail = { question: this.#question, byKey: this.#byKey, ...found };
    document.dispatchEvent(new CustomEvent("mark:done", { detail }));
  }

  draw() {
    put(this.#cross, this.#place.view, this.#drawn());
  }

  // What was marked before, where it is in view; else the middle of what is.
  #first(before) {
    const { view } = this.#place;
    if (before) {
      const at = view.toPanel(before);
      if ([at.x, at.y].every((share) => share >= 0 && share <= 1)) return { x: before.x, y: before.y };
    }
    return view.toPicture({ x: 0.5, y: 0.5 });
  }

  #open() {
    const { picture, view } = this.#place;
    const surface = this.#surface;
    const hint = made("mark-hint");
    surface.tabIndex = 0;
    surface.setAttribute("role", "application");
    hint.textContent = this.#box
      ? gettext("Draw a box, or Enter for each corner · Esc")
      : gettext("Click, or arrows and Enter · Esc");
    surface.setAttribute("aria-label", this.#box
      ? gettext("Mark on the X-ray. Arrow keys move; Enter sets the first and then the opposite corner; Escape gives up.")
      : gettext("Mark on the X-ray. Arrow keys move, Enter marks; Escape gives up."));
    surface.append(this.#cross, hint);
    picture.append(surface);
    // Wheel, pinch, right button and Shift do what they always do; only a plain drag, click or finger belongs to the mark.
    new Gestures(surface, view, "xray", {
      begin: (at) => this.#begin(at),
      go: (at) => this.#go(at),
      finish: (at) => this.#finish(at),
      cancel: () => this.#cancel(),
    });
    surface.addEventListener("keydown", (event) => this.#key(event));
    surface.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget?.closest("#tools, .panel")) return; // a tool is used meanwhile
      // Somewhere else was clicked. Not while the page itself is left: the reader comes back to it.
      if (document.hasFocus()) this.end({});
    });
    surface.focus({ preventScroll: true });
    picture.scrollIntoView({ block: "nearest" });
  }

  #begin(at) {
    this.#byKey = false;
    this.#surface.focus({ preventScroll: true });
    this.#at = this.#place.view.toPicture(at);
    this.#corner = this.#box ? this.#at : null;
    this.draw();
  }

  #go(at) {
    this.#at = this.#place.view.toPicture(at);
    this.draw();
  }

  #finish(at) {
    this.#go(at);
    this.#done();
  }

  // A second finger came: the picture is moved, and nothing was marked.
  #cancel() {
    this.#corner = null;
    this.draw();
  }

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
    else if (event.key === "Escape") this.end({});
    else if (event.key === "Backspace" || event.key.toLowerCase() === "u") this.#corner = null;
    else if ((event.key === "Enter" || event.key === " ") && !event.repeat) {
      if (!this.#box || this.#corner) this.#done();
      else this.#corner = this.#at;
    }
    if (!this.#ended) this.draw();
  }

  // The picture follows where the mark would leave what is in view.
  #step([right, down], step) {
    const { view } = this.#place;
    this.#at = { x: clamp(this.#at.x + (step * right) / view.zoom), y: clamp(this.#at.y + (step * down) / view.zoom) };
    const at = view.toPanel(this.#at);
    const beyond = (share) => Math.max(0, share - (1 - EDGE)) + Math.min(0, share - EDGE);
    view.moveBy(-beyond(at.x), -beyond(at.y));
    view.pointAt(view.toPanel(this.#at)); // where + and - zoom
  }

  #drawn() {
    if (!this.#box) return this.#at;
    const from = this.#corner ?? this.#at;
    return {
      x: Math.min(from.x, this.#at.x),
      y: Math.min(from.y, this.#at.y),
      width: Math.abs(from.x - this.#at.x),
      height: Math.abs(from.y - this.#at.y),
    };
  }

  #done() {
    const found = this.#drawn();
    const { size, view } = this.#place;
    if (this.#box && Math.min(found.width, found.height) * view.zoom < SMALLEST_BOX) {
      this.#corner = null; // a click, not a box: once more
      this.draw();
      return;
    }
    const pixels = Object.entries(found).map(([key, share]) => [key, Math.round(PRECISION * share * size) / PRECISION]);
    this.end({ ...Object.fromEntries(pixels), size });
  }
}

function put(mark, view, { x, y, width, height }) {
  const corner = view.toPanel({ x, y });
  const sides = width === undefined ? {} : { width: width * view.zoom, height: height * view.zoom };
  const places = { left: corner.x, top: corner.y, ...sides };
  for (const [name, share] of Object.entries(places)) mark.style.setProperty(name, `${100 * share}%`);
}

function clamp(share) {
  return Math.min(1, Math.max(0, share));
}

function made(className) {
  const element = document.createElement("div");
  element.className = className;
  return element;
}
