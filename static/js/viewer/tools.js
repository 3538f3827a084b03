// The tools above the pictures and their keys: presets of the window, inversion, magnifier, reset, marking of maps.

import { all, byId } from "../common/elements.js";
import { log, rounded } from "../common/messages.js";
import { Window } from "./window.js";

/** @import { ExposureKind } from "../common/messages.js" */
/** @import { Grey } from "./grey.js" */
/** @import { MarkingStyle, View } from "./view.js" */

const HELD = 400; // milliseconds after which letting go of a key ends what it began
const STEP = 1.25; // zoom of one press of a key
// Shares of the X-ray's pixels that are black, and not yet white. A lung is dark, what lies between is bright.
/** @type {{ [preset: string]: [number, number] }} */
const PRESETS = { contrast: [0.02, 0.98], lung: [0.01, 0.65], mediastinum: [0.35, 0.995] };
const MIDDLE = { x: 0.5, y: 0.5 };

export class Tools {
  #tools = byId("tools", HTMLElement);
  #buttons = {
    invert: byId("invert", HTMLButtonElement),
    magnifier: byId("magnifier", HTMLButtonElement),
    window: byId("window-tool", HTMLButtonElement),
  };
  #presetButtons = all(document, "[data-preset]", HTMLButtonElement);
  #view;
  /** @type {Grey | null} */
  #xray = null;
  #presets = new Map([["default", { low: 0, high: 1 }]]); // and those that were chosen: counting greys takes a while
  /** @type {number | null} */
  #magnifiedAt = null;

  /**
   * @param {View} view
   * @param {AbortSignal} signal ends the case
   */
  constructor(view, signal) {
    this.#view = view;
    for (const button of this.#presetButtons) button.addEventListener("click", () => this.#choose(presetOf(button)));
    this.#buttons.invert.addEventListener("click", () => this.#invert());
    this.#buttons.magnifier.addEventListener("click", () => this.#magnify(!this.#view.magnifier));
    this.#buttons.window.addEventListener("click", () => this.#view.useWindow(!this.#view.windowing));
    byId("reset", HTMLElement).addEventListener("click", () => this.#reset());
    this.#slider("threshold", "map_threshold", (value) => ({ percent: value }));
    this.#slider("opacity", "map_opacity", (value) => ({ opacity: value / 100 }));
    document.addEventListener("keyup", (event) => this.#keyUp(event), { signal });
  }

  /**
   * The X-ray is there, and the tools can be used.
   * @param {Grey} xray
   */
  enable(xray) {
    this.#xray = xray;
    for (const control of all(this.#tools, "button", HTMLButtonElement)) control.disabled = false;
    for (const control of all(this.#tools, "input", HTMLInputElement)) control.disabled = false;
    this.show();
  }

  // Shows the state of the view.
  show() {
    const { window, marking, magnifier, windowing } = this.#view;
    for (const button of this.#presetButtons) {
      const known = this.#presets.get(presetOf(button));
      press(button, known !== undefined && same(window, Window.between(known.low, known.high, window.inverted)));
    }
    press(this.#buttons.invert, window.inverted);
    press(this.#buttons.magnifier, magnifier);
    press(this.#buttons.window, windowing);
    byId("panels", HTMLElement).classList.toggle("touch-tool", windowing || magnifier);
    write("window-readout", `W ${Math.round(100 * window.width)} L ${Math.round(100 * window.level)}`);
    byId("threshold", HTMLInputElement).value = String(marking.percent);
    byId("opacity", HTMLInputElement).value = String(Math.round(100 * marking.opacity));
    write("threshold-readout", `${marking.percent}%`);
    write("opacity-readout", `${Math.round(100 * marking.opacity)}%`);
    for (const place of document.querySelectorAll("[data-marked]")) place.textContent = `${marking.percent}%`;
  }

  /**
   * Acts on a key that belongs to the tools; says whether it did.
   * @param {KeyboardEvent} event
   */
  key(event) {
    /** @type {{ [key: string]: () => void }} */
    const acts = {
      i: () => this.#invert(),
      m: () => this.#magnify(!this.#view.magnifier, event.timeStamp),
      r: () => this.#reset(),
      "+": () => this.#zoom(STEP),
      "=": () => this.#zoom(STEP), // plus without Shift
      "-": () => this.#zoom(1 / STEP),
    };
    const act = acts[event.key.toLowerCase()];
    act?.();
    return act !== undefined;
  }

  /** @param {KeyboardEvent} event */
  #keyUp(event) {
    if (event.key.toLowerCase() !== "m" || this.#magnifiedAt === null) return;
    if (event.timeStamp - this.#magnifiedAt > HELD) this.#magnify(false);
    this.#magnifiedAt = null;
  }

  /** @param {string} preset */
  #choose(preset) {
    const known = this.#presets.get(preset) ?? this.#measured(preset);
    this.#presets.set(preset, known);
    const window = Window.between(known.low, known.high, this.#view.window.inverted);
    this.#view.setWindow(window);
    log("window", "xray", { width: rounded(window.width), level: rounded(window.level), preset });
  }

  /** @param {string} preset */
  #measured(preset) {
    if (!this.#xray) throw new Error("a preset before there is an X-ray");
    const [low, high] = this.#xray.quantiles(PRESETS[preset]);
    return { low, high };
  }

  #invert() {
    this.#view.invert();
    log("invert", "xray", { inverted: this.#view.window.inverted });
  }

  /**
   * @param {boolean} on
   * @param {number | null} heldSince when its key went down
   */
  #magnify(on, heldSince = null) {
    this.#magnifiedAt = on ? heldSince : null;
    this.#view.magnify(on);
    log("magnifier", "xray", { on });
  }

  /** @param {number} factor */
  #zoom(factor) {
    this.#view.zoomAt(this.#view.pointer ?? MIDDLE, factor);
    log("zoom", "xray", { zoom: rounded(this.#view.zoom), x: rounded(this.#view.x), y: rounded(this.#view.y) });
  }

  #reset() {
    this.#view.reset();
    log("reset", "xray");
  }

  /**
   * @param {string} id
   * @param {ExposureKind} kind
   * @param {(value: number) => Partial<MarkingStyle>} changes
   */
  #slider(id, kind, changes) {
    const slider = byId(id, HTMLInputElement);
    slider.addEventListener("input", () => this.#view.mark(changes(Number(slider.value))));
    slider.addEventListener("change", () => log(kind, "maps", { percent: Number(slider.value) }));
  }
}

/**
 * @param {Element} button
 * @param {boolean} pressed
 */
export function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

/** @param {HTMLElement} button */
function presetOf(button) {
  return button.dataset.preset ?? "default";
}

/**
 * @param {string} id
 * @param {string} text
 */
function write(id, text) {
  byId(id, HTMLElement).textContent = text;
}

/**
 * @param {Window} one
 * @param {Window} other
 */
function same(one, other) {
  return one.width === other.width && one.level === other.level;
}
