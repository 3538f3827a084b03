// One case: waits until all pictures are painted, then starts the clock and lets the questions be answered.

import { Clock } from "./clock.js";
import { isTextField, link } from "../common/elements.js";
import { Exposure } from "./exposure.js";
import { Pictures } from "./pictures.js";
import { Questions } from "./questions.js";
import { fetchAhead } from "../viewer/sources.js";
import { gettext } from "../common/words.js";

export class Case {
  #panels = document.getElementById("panels");
  #ending = new AbortController();
  #clock;
  #exposure;
  #pictures;
  #questions;

  // `outbox` outlives the case. `asked` says when its page was asked for, on the clock of performance.now().
  // fetchNext(url) is how the reader goes on: see room.js.
  constructor({ outbox, asked, fetchNext }) {
    const { signal } = this.#ending;
    const form = document.getElementById("questions");
    this.#clock = new Clock(asked, signal);
    this.#exposure = new Exposure(form.dataset.base, this.#clock, signal);
    this.#pictures = new Pictures(this.#panels, signal);
    const seconds = () => Number(form.dataset.secondsBefore) + this.#clock.seconds;
    this.#questions = new Questions(form, { outbox, seconds, fetchNext, signal });
    document.addEventListener("keydown", (event) => this.#onKey(event), { signal });
    document.addEventListener("click", (event) => closePopups(event.target.closest("details")), { signal });
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
    fetchAhead(this.#panels.dataset.ahead.split(" ").filter(Boolean));
  }

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

function closePopups(except) {
  for (const popup of document.querySelectorAll("details[open]")) {
    if (popup !== except) popup.open = false;
  }
}
