// The tools above the pictures and their keys: presets of the window, inversion, magnifier, reset, marking of maps.

import { log, rounded } from "../common/log.js";
import { Window } from "./window.js";

const HELD = 400; // milliseconds after which letting go of a key ends what it began
const STEP = 1.25; // zoom of one press of a key
// Shares of the X-ray's pixels that are black, and not yet white. A lung is dark, what lies between is bright.
const PRESETS = { contrast: [0.02, 0.98], lung: [0.01, 0.65], mediastinum: [0.35, 0.995] };
const MIDDLE = { x: 0.5, y: 0.5 };

const element = (id) => document.getElementById(id);

export class Tools {
  #view;
  #xray = null;
  #presets = new Map([["default", { low: 0, high: 1 }]]); // and those that were chosen: counting greys takes a while
  #magnifiedAt = null;

  constructor(view, signal) {
    this.#view = view;
    for (const button of document.querySelectorAll("[data-preset]")) {
      button.addEventListener("click", () => this.#choose(button.dataset.preset));
    }
    element("invert").addEventListener("click", () => this.#invert());
    element("magnifier").addEventListener("click", () => this.#magnify(!this.#view.magnifier));
    element("window-tool").addEventListener("click", () => this.#view.useWindow(!this.#view.windowing));
    element("reset").addEventListener("click", () => this.#reset());
    this.#slider("threshold", "map_threshold", (value) => ({ percent: value }));
    this.#slider("opacity", "map_opacity", (value) => ({ opacity: value / 100 }));
    document.addEventListener("keyup", (event) => this.#keyUp(event), { signal });
  }

  // The X-ray is there, and the tools can be used.
  enable(xray) {
    this.#xray = xray;
    for (const control of element("tools").querySelectorAll("button, input")) control.disabled = false;
    this.show();
  }

  // Shows the state of the view.
  show() {
    const { window, marking, magnifier, windowing } = this.#view;
    for (const button of document.querySelectorAll("[data-preset]")) {
      const known = this.#presets.get(button.dataset.preset);
      press(button, known !== undefined && same(window, Window.between(known.low, known.high, window.inverted)));
    }
    press(element("invert"), window.inverted);
    press(element("magnifier"), magnifier);
    press(element("window-tool"), windowing);
    element("panels").classList.toggle("touch-tool", windowing || magnifier);
    element("window-readout").textContent = `W ${Math.round(100 * window.width)} L ${Math.round(100 * window.level)}`;
    element("threshold").value = String(marking.percent);
    element("opacity").value = String(Math.round(100 * marking.opacity));
    element("threshold-readout").textContent = `${marking.percent}%`;
    element("opacity-readout").textContent = `${Math.round(100 * marking.opacity)}%`;
    for (const place of document.querySelectorAll("[data-marked]")) place.textContent = `${marking.percent}%`;
  }

  // Acts on a key that belongs to the tools; says whether it did.
  key(event) {
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

  #keyUp(event) {
    if (event.key.toLowerCase() !== "m" || this.#magnifiedAt === null) return;
    if (event.timeStamp - this.#magnifiedAt > HELD) this.#magnify(false);
    this.#magnifiedAt = null;
  }

  #choose(preset) {
    if (!this.#presets.has(preset)) {
      const [low, high] = this.#xray.quantiles(PRESETS[preset]);
      this.#presets.set(preset, { low, high });
    }
    const { low, high } = this.#presets.get(preset);
    const window = Window.between(low, high, this.#view.window.inverted);
    this.#view.setWindow(window);
    log("window", "xray", { width: rounded(window.width), level: rounded(window.level), preset });
  }

  #invert() {
    this.#view.invert();
    log("invert", "xray", { inverted: this.#view.window.inverted });
  }

  #magnify(on, heldSince = null) {
    this.#magnifiedAt = on ? heldSince : null;
    this.#view.magnify(on);
    log("magnifier", "xray", { on });
  }

  #zoom(factor) {
    this.#view.zoomAt(this.#view.pointer ?? MIDDLE, factor);
    log("zoom", "xray", { zoom: rounded(this.#view.zoom), x: rounded(this.#view.x), y: rounded(this.#view.y) });
  }

  #reset() {
    this.#view.reset();
    log("reset", "xray");
  }

  #slider(id, kind, changes) {
    const slider = element(id);
    slider.addEventListener("input", () => this.#view.mark(changes(Number(slider.value))));
    slider.addEventListener("change", () => log(kind, "maps", { percent: Number(slider.value) }));
  }
}

export function press(button, pressed) {
  button.setAttribute("aria-pressed", String(pressed));
}

function same(one, other) {
  return one.width === other.width && one.level === other.level;
}
