// Active time on a case: from the moment its pictures are painted, standing still while the page is hidden.

import { put } from "./outbox.js";

const REPORT_EVERY = 15000;

export class Clock {
  #url;
  #spent = 0;
  #since = null;
  #started = false;

  constructor(base) {
    this.#url = `${base}visits/${crypto.randomUUID()}`;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#pause();
      else this.#resume();
    });
    window.addEventListener("pagehide", () => this.#pause());
  }

  start() {
    this.#started = true;
    this.#resume();
    setInterval(() => {
      if (this.#since !== null) this.report();
    }, REPORT_EVERY);
  }

  get seconds() {
    const running = this.#since === null ? 0 : performance.now() - this.#since;
    return Math.round((this.#spent + running) / 10) / 100;
  }

  report() {
    // Seconds so far, so a lost report is made good by the next one.
    put(this.#url, { seconds: this.seconds }, { keepalive: true }).catch(() => {});
  }

  #resume() {
    if (this.#started && this.#since === null && !document.hidden) this.#since = performance.now();
  }

  #pause() {
    if (this.#since === null) return;
    this.#spent += performance.now() - this.#since;
    this.#since = null;
    this.report();
  }
}
