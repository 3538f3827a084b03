// The counterfactual: its frames there and back again at a speed, or one at a time by slider or curve, or the original.

import { copiesOf } from "./copies.js";
import { Curve, number, percent } from "./curve.js";
import { Grey } from "./grey.js";
import { log } from "../common/log.js";
import { press } from "./tools.js";
import { gettext, interpolate } from "../common/words.js";

const SWEEP = 3000; // milliseconds from the lowest lambda to the highest
const SHORTEST_FRAME = 50;
const LONGEST_FRAME = 160;
const PANEL = "counterfactual";

const element = (id) => document.getElementById(id);

export class Player {
  comparing = false;
  #curve;
  #drawing;
  #strip;
  #frames = [];
  #frame;
  #step = 1;
  #advanced = 0; // frames since it was started
  #speed = 1;
  #timer = null;
  #changed;

  // `changed` is called whenever another picture has to be drawn; `signal` ends the case.
  constructor([strip], curve, changed, signal) {
    this.#strip = strip;
    this.#curve = curve;
    this.#changed = changed;
    this.#drawing = new Curve(element("curve"), curve, (frame, done) => this.#scrub(frame, done));
    this.#wireSlider();
    element("play").addEventListener("click", () => this.toggle());
    for (const button of speeds()) button.addEventListener("click", () => this.#setSpeed(Number(button.dataset.speed)));
    this.#wireCompare(signal);
    this.#show(curve.zero);
    for (const control of [element("frame"), element("play"), element("compare"), ...speeds()]) control.disabled = false;
  }

  // The current frame as a picture.
  get picture() {
    return (this.#frames[this.#frame] ??= new Grey(copiesOf(this.#cut(this.#frame))));
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

  // Acts on a key that belongs to the player; says whether it did.
  key(event) {
    const key = event.key.toLowerCase();
    if (key === "p") this.toggle();
    else if (key === "c") this.compare(true);
    else return false;
    return true;
  }

  // Shows the original X-ray, or the counterfactual again.
  compare(on) {
    if (on === this.comparing) return;
    this.comparing = on;
    element("showing").hidden = !on;
    press(element("compare"), on);
    this.#changed();
    log("compare", PANEL, { on, frame: this.#frame });
  }

  #show(frame) {
    this.#frame = frame;
    const prediction = percent(this.#curve.predictions[frame]);
    const lambda = number(this.#curve.lambdas[frame]);
    const [slider, readout] = [element("frame"), element("readout")];
    slider.value = String(frame);
    slider.setAttribute("aria-valuetext", interpolate(gettext("prediction %(prediction)s, lambda %(lambda)s"), { prediction, lambda }));
    readout.textContent = `p = ${prediction}`;
    readout.title = `lambda = ${lambda}`;
    this.#drawing.show(frame);
    this.#changed();
  }

  #scrub(frame, done) {
    this.pause();
    this.#show(frame);
    log("frame", PANEL, { frame, done });
  }

  #wireSlider() {
    const slider = element("frame");
    slider.max = String(this.#curve.frames - 1);
    slider.addEventListener("input", () => {
      element("readout").setAttribute("aria-live", "polite"); // read out to who moves it, not while it plays
      this.#scrub(Number(slider.value), false);
    });
    slider.addEventListener("change", () => log("frame", PANEL, { frame: this.#frame, done: true }));
  }

  #wireCompare(signal) {
    const button = element("compare");
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
    signal.addEventListener("abort", () => clearInterval(this.#timer));
  }

  #setSpeed(speed) {
    this.#speed = speed;
    for (const button of speeds()) press(button, Number(button.dataset.speed) === speed);
    if (!this.playing) return;
    this.#stop();
    this.#start();
    log("animation_started", PANEL, { speed });
  }

  #start() {
    const pace = Math.min(LONGEST_FRAME, Math.max(SHORTEST_FRAME, SWEEP / this.#curve.frames));
    element("readout").setAttribute("aria-live", "off");
    this.#timer = setInterval(() => this.#advance(), pace / this.#speed);
    this.#label();
  }

  #stop() {
    clearInterval(this.#timer);
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
    press(element("play"), this.playing);
    element("play").querySelector("span").textContent = this.playing ? gettext("Pause") : gettext("Play");
  }

  #cut(frame) {
    const { frame_width: width, frame_height: height, columns } = this.#curve;
    const values = new Uint8Array(width * height);
    const left = (frame % columns) * width;
    const top = Math.floor(frame / columns) * height;
    for (let row = 0; row < height; row++) {
      const from = (top + row) * this.#strip.width + left;
      values.set(this.#strip.values.subarray(from, from + width), row * width);
    }
    return { width, height, values };
  }
}

function speeds() {
  return [...document.querySelectorAll("[data-speed]")];
}
