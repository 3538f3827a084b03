// The counterfactual: its frames there and back again at a speed, or one at a time by slider or curve, or the original.

import { all, byId, within } from "../common/elements.js";
import { log } from "../common/messages.js";
import { gettext, interpolate } from "../common/words.js";
import { copiesOf } from "./copies.js";
import { Curve, number, percent } from "./curve.js";
import { frameOf } from "./filmstrip.js";
import { Grey } from "./grey.js";
import { press } from "./tools.js";

/** @import { Picture } from "./copies.js" */
/** @import { CurveData } from "./sources.js" */

const SWEEP = 3000; // milliseconds from the lowest lambda to the highest
const SHORTEST_FRAME = 50;
const LONGEST_FRAME = 160;
const PANEL = "counterfactual";

export class Player {
  comparing = false;
  #curve;
  #drawing;
  #strip;
  #slider = byId("frame", HTMLInputElement);
  #readout = byId("readout", HTMLElement);
  #play = byId("play", HTMLButtonElement);
  #compare = byId("compare", HTMLButtonElement);
  #speeds = all(document, "[data-speed]", HTMLButtonElement);
  /** @type {Grey[]} */
  #frames = [];
  #frame = 0;
  #step = 1;
  #advanced = 0; // frames since it was started
  #speed = 1;
  /** @type {number | null} */
  #timer = null;
  #changed;

  /**
   * @param {Picture[]} strip and its copies
   * @param {CurveData} curve
   * @param {() => void} changed called whenever another picture has to be drawn
   * @param {AbortSignal} signal ends the case
   */
  constructor([strip], curve, changed, signal) {
    this.#strip = strip;
    this.#curve = curve;
    this.#changed = changed;
    this.#drawing = new Curve(byId("curve", SVGElement), curve, (frame, done) => this.#scrub(frame, done));
    this.#wireSlider();
    this.#play.addEventListener("click", () => this.toggle());
    for (const button of this.#speeds) button.addEventListener("click", () => this.#setSpeed(speedOf(button)));
    this.#wireCompare(signal);
    this.#show(curve.zero);
    for (const control of [this.#slider, this.#play, this.#compare, ...this.#speeds]) control.disabled = false;
  }

  // The current frame as a picture.
  get picture() {
    return (this.#frames[this.#frame] ??= new Grey(copiesOf(frameOf(this.#strip, this.#curve, this.#frame))));
  }

  get playing() {
    return this.#timer !== null;
  }

  play() {
    if (this.playing || this.#curve.frames < 2) return;
    this.#advanced = 0;
    this.#start();
    log("animation_started", PANEL, { speed: this.#speed });
  }

  pause() {
    if (!this.playing) return;
    this.#stop();
    log("animation_paused", PANEL, { frame: this.#frame });
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  /**
   * Acts on a key that belongs to the player; says whether it did.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const key = event.key.toLowerCase();
    if (key === "p") this.toggle();
    else if (key === "c") this.compare(true);
    else return false;
    return true;
  }

  /**
   * Shows the original X-ray, or the counterfactual again.
   * @param {boolean} on
   */
  compare(on) {
    if (on === this.comparing) return;
    this.comparing = on;
    byId("showing", HTMLElement).hidden = !on;
    press(this.#compare, on);
    this.#changed();
    log("compare", PANEL, { on, frame: this.#frame });
  }

  /** @param {number} frame */
  #show(frame) {
    this.#frame = frame;
    const prediction = percent(this.#curve.predictions[frame]);
    const lambda = number(this.#curve.lambdas[frame]);
    this.#slider.value = String(frame);
    const spoken = interpolate(gettext("prediction %(prediction)s, lambda %(lambda)s"), { prediction, lambda });
    this.#slider.setAttribute("aria-valuetext", spoken);
    this.#readout.textContent = `p = ${prediction}`;
    this.#readout.title = `lambda = ${lambda}`;
    this.#drawing.show(frame);
    this.#changed();
  }

  /**
   * @param {number} frame
   * @param {boolean} done whether the reader has arrived there
   */
  #scrub(frame, done) {
    this.pause();
    this.#show(frame);
    log("frame", PANEL, { frame, done });
  }

  #wireSlider() {
    const slider = this.#slider;
    slider.max = String(this.#curve.frames - 1);
    slider.addEventListener("input", () => {
      this.#readout.setAttribute("aria-live", "polite"); // read out to who moves it, not while it plays
      this.#scrub(Number(slider.value), false);
    });
    slider.addEventListener("change", () => log("frame", PANEL, { frame: this.#frame, done: true }));
  }

  /** @param {AbortSignal} signal */
  #wireCompare(signal) {
    const button = this.#compare;
    button.addEventListener("pointerdown", (event) => {
      button.setPointerCapture(event.pointerId);
      this.compare(true);
    });
    for (const kind of ["pointerup", "pointercancel", "blur"]) button.addEventListener(kind, () => this.compare(false));
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // what a long touch brings up
    button.addEventListener("keydown", (event) => {
      if (event.key === " " || event.key === "Enter") {
        event.preventDefault();
        event.stopPropagation();
        this.compare(true);
      }
    });
    document.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "c" || event.target === button) this.compare(false);
    }, { signal });
    window.addEventListener("blur", () => this.compare(false), { signal });
    signal.addEventListener("abort", () => clearInterval(this.#timer ?? 0));
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.#speed = speed;
    for (const button of this.#speeds) press(button, speedOf(button) === speed);
    if (!this.playing) return;
    this.#stop();
    this.#start();
    log("animation_started", PANEL, { speed });
  }

  #start() {
    const pace = Math.min(LONGEST_FRAME, Math.max(SHORTEST_FRAME, SWEEP / this.#curve.frames));
    this.#readout.setAttribute("aria-live", "off");
    this.#timer = setInterval(() => this.#advance(), pace / this.#speed);
    this.#label();
  }

  #stop() {
    clearInterval(this.#timer ?? 0);
    this.#timer = null;
    this.#label();
  }

  #advance() {
    const last = this.#curve.frames - 1;
    if (this.#frame + this.#step < 0 || this.#frame + this.#step > last) this.#step = -this.#step;
    this.#show(this.#frame + this.#step);
    this.#advanced++;
    if (this.#advanced % (2 * last) === 0) log("loop", PANEL, { speed: this.#speed }); // there and back again
  }

  #label() {
    press(this.#play, this.playing);
    within(this.#play, "span", HTMLElement).textContent = this.playing ? gettext("Pause") : gettext("Play");
  }
}

/** @param {HTMLElement} button */
function speedOf(button) {
  return Number(button.dataset.speed);
}
