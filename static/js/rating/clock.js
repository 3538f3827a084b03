// Active time on a case: from the moment its pictures are painted, while the page is in view and somebody is there.

// Nobody who reads leaves keyboard, mouse and screen alone for longer; looking at a picture or watching the animation
// in between counts. Who was called away costs a case a minute at most, not the length of a telephone call.
const IDLE_AFTER = 60000;
const INPUTS = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"];

export class Clock {
  #active = 0;
  #idle = 0;
  #hidden = 0;
  #asked;
  /** @type {number | null} */
  #painted = null; // when all pictures were there
  /** @type {number | null} */
  #counted = null; // when #active and #idle were last brought up to date; null while the clock stands
  #hiddenSince = 0;
  #touched = 0;

  /**
   * @param {number} asked when the page was asked for, on the clock of performance.now()
   * @param {AbortSignal} signal stops the clock for good
   */
  constructor(asked, signal) {
    this.#asked = asked;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#stop();
      else this.#goOn();
    }, { signal });
    window.addEventListener("pagehide", () => this.#stop(), { signal });
    signal.addEventListener("abort", () => this.#stop());
    for (const name of INPUTS) {
      window.addEventListener(name, () => this.#touch(), { capture: true, passive: true, signal });
    }
  }

  // All pictures are painted.
  start() {
    this.#painted = this.#hiddenSince = performance.now();
    if (!document.hidden) this.#goOn();
  }

  get started() {
    return this.#painted !== null;
  }

  get seconds() {
    this.#count();
    return seconds(this.#active);
  }

  // All that was counted since the page was opened, so that a lost report is made good by the next one.
  get totals() {
    return {
      seconds: this.seconds,
      idle: seconds(this.#idle),
      hidden: seconds(this.#hidden),
      painted: this.#painted === null ? null : Math.round(this.#painted - this.#asked),
    };
  }

  // What has passed since it was last called: active up to a minute after the last touch, idle beyond.
  #count() {
    if (this.#counted === null) return;
    const now = performance.now();
    const active = Math.max(0, Math.min(now, this.#touched + IDLE_AFTER) - this.#counted);
    this.#active += active;
    this.#idle += now - this.#counted - active;
    this.#counted = now;
  }

  #touch() {
    this.#count();
    this.#touched = performance.now();
  }

  #stop() {
    if (this.#counted === null) return;
    this.#count();
    this.#counted = null;
    this.#hiddenSince = performance.now();
  }

  #goOn() {
    if (!this.started || this.#counted !== null) return;
    this.#counted = this.#touched = performance.now();
    this.#hidden += this.#counted - this.#hiddenSince;
  }
}

/** @param {number} milliseconds */
function seconds(milliseconds) {
  return Math.round(milliseconds / 10) / 100;
}
