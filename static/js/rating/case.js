// One case: waits until all pictures are painted, then starts the clock and lets the questions be answered.

import { all, around, byId, isTextField, link } from "../common/elements.js";
import { gettext } from "../common/words.js";
import { fetchAhead } from "../viewer/sources.js";
import { Clock } from "./clock.js";
import { Exposure } from "./exposure.js";
import { Pictures } from "./pictures.js";
import { Questions } from "./questions.js";

/** @import { Outbox } from "../outbox/outbox.js" */
/** @import { CaseData } from "./data.js" */

/**
 * How the reader goes on to an address: resolves with a function that shows the case there, or with null where it has
 * to be loaded as a page of its own. Throws without a reply.
 * @typedef {(url: string) => Promise<(() => void) | null>} FetchNext
 */

export class Case {
  #panels = byId("panels", HTMLElement);
  #ending = new AbortController();
  #clock;
  #exposure;
  #pictures;
  #questions;

  /**
   * @param {object} parts
   * @param {CaseData} parts.data
   * @param {Outbox} parts.outbox it outlives the case
   * @param {number} parts.asked when its page was asked for, on the clock of performance.now()
   * @param {FetchNext} parts.fetchNext
   */
  constructor({ data, outbox, asked, fetchNext }) {
    const { signal } = this.#ending;
    this.#clock = new Clock(asked, signal);
    this.#exposure = new Exposure(data.base, this.#clock, signal);
    this.#pictures = new Pictures(this.#panels, signal);
    const seconds = () => Number(data.secondsBefore) + this.#clock.seconds;
    this.#questions = new Questions(data, { outbox, seconds, fetchNext, signal });
    document.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    document.addEventListener("click", (event) => closePopups(around(event.target, "details")), { signal });
    this.#begin();
  }

  // The page is about to be left: no key answers any more.
  rest() {
    this.#questions.rest();
  }

  // The reader has gone on: its time stops, what is left of its record is sent, and nothing of it acts any more.
  end() {
    this.#pictures.end();
    this.#ending.abort();
    this.#exposure.end();
  }

  async #begin() {
    try {
      await this.#pictures.painted();
    } catch {
      const again = link(gettext("Load the page again"), location.href, "");
      this.#questions.showProblem(gettext("A picture of this case could not be loaded. "), again);
      return;
    }
    this.#clock.start();
    await this.#questions.enable();
    document.body.dataset.ready = "yes";
    this.#pictures.begin();
    // Once files of this case no longer need the way and the decoders for themselves.
    fetchAhead((this.#panels.dataset.ahead ?? "").split(" ").filter(Boolean));
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (document.querySelector("dialog[open]")) return; // its keys are its own
    if (event.repeat || event.altKey || isTextField(event.target)) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() === "z" && this.#questions.undo()) event.preventDefault();
      return;
    }
    if (this.#questions.key(event) || this.#pictures.key(event)) event.preventDefault();
    else if (event.key === "Escape") closePopups();
  }
}

/** @param {Element | null} except */
function closePopups(except = null) {
  for (const popup of all(document, "details[open]", HTMLDetailsElement)) {
    if (popup !== except) popup.open = false;
  }
}
