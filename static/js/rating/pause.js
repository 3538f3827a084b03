// Reminds of a break after so many minutes of reading in one sitting. In nobody's way: no key is taken, nothing waits.

import { around, within } from "../common/elements.js";

const TICK = 5; // seconds
const REST = 5 * 60 * 1000; // who was away for this long has had a break

export class Sitting {
  #key;
  #seconds;

  /** @param {string} owner */
  constructor(owner) {
    this.#key = `sitting-${owner}`;
    this.#seconds = this.#load();
    setInterval(() => this.#tick(), TICK * 1000);
    document.addEventListener("click", (event) => {
      if (around(event.target, "#pause button")) this.#keep(0);
    });
    this.show();
  }

  // In the bar of the case that is shown, where the protocol wants it.
  show() {
    const place = document.getElementById("pause");
    if (!place) return;
    within(place, ".pause-note", HTMLElement).hidden = this.#seconds < 60 * Number(place.dataset.afterMinutes);
  }

  #tick() {
    // From what is kept: it is stale after a rest, and then this is a new sitting.
    if (!document.hidden) this.#keep(this.#load() + TICK);
  }

  /** @param {number} seconds */
  #keep(seconds) {
    this.#seconds = seconds;
    sessionStorage.setItem(this.#key, JSON.stringify({ seconds, at: Date.now() }));
    this.show();
  }

  /** @returns {number} */
  #load() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#key) ?? "");
      if (Date.now() - kept.at < REST) return kept.seconds;
    } catch {
      // nothing kept, or not by us: a new sitting
    }
    return 0;
  }
}
