// The pictures of a case: resolves once all of them are painted, and plays the counterfactual where the arm has one.

import { Player } from "./player.js";

export class Pictures {
  #player = null;

  constructor(panels) {
    const canvas = panels.querySelector("#player");
    if (!canvas) return;
    const element = (id) => document.getElementById(id);
    this.#player = new Player(canvas, { play: element("play"), slider: element("frame"), readout: element("readout") });
  }

  async painted() {
    const pictures = [...document.querySelectorAll(".picture img")].map((picture) => picture.decode());
    await Promise.all([...pictures, this.#player?.load()]);
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  }

  begin() {
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.#player?.play();
  }

  // Acts on a key that belongs to the pictures; says whether it did.
  key(event) {
    if (event.key.toLowerCase() !== "p" || !this.#player) return false;
    this.#player.toggle();
    return true;
  }
}
