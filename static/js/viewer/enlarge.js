// One picture as large as the screen, with the tools above it; everything else rests until the reader goes back.

import { all, around, within } from "../common/elements.js";
import { log, tell } from "../common/messages.js";
import { press } from "./tools.js";

/** @import { Panel } from "./panel.js" */

const QUESTION_KEYS = /^([0-9]|Enter|n| )$/i;
const BACK = { focusVisible: true, preventScroll: true };

export class Enlarger {
  /** @type {Panel | null} */
  panel = null;
  #panels;
  #pointed;
  /** @type {Element | null} */
  #focused = null;
  #changed;

  /**
   * @param {Panel[]} panels
   * @param {() => void} changed called when the panels have other sizes
   * @param {AbortSignal} signal ends the case
   */
  constructor(panels, changed, signal) {
    this.#panels = panels;
    this.#pointed = panels[0];
    this.#changed = changed;
    for (const panel of panels) {
      const button = buttonOf(panel);
      button.disabled = false;
      button.addEventListener("click", () => this.toggle(panel));
      panel.figure.addEventListener("pointerenter", () => { this.#pointed = panel; });
    }
    document.addEventListener("keydown", (event) => this.#guard(event), { capture: true, signal });
  }

  toggle(panel = this.panel ?? this.#marked ?? this.#pointed) {
    const before = this.panel;
    if (before) this.#set(before, false);
    this.panel = before === panel ? null : panel;
    if (this.panel) this.#set(this.panel, true);
    this.#changed();
  }

  // The picture on which a mark is being set.
  get #marked() {
    return this.#panels.find(({ figure }) => figure.querySelector(".mark-surface"));
  }

  /**
   * Acts on a key that belongs here; says whether it did.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const acts = event.key.toLowerCase() === "e" || (event.key === "Escape" && this.panel !== null);
    if (acts) this.toggle();
    return acts;
  }

  /**
   * No answer is given to a question that the reader does not see: its key leads back to it.
   * @param {KeyboardEvent} event
   */
  #guard(event) {
    if (!this.panel || !QUESTION_KEYS.test(event.key) || around(event.target, ".mark-surface")) return;
    const operates = !/[0-9]/.test(event.key) && around(event.target, "button, summary");
    if (operates) return;
    event.preventDefault();
    event.stopPropagation();
    this.toggle();
  }

  /**
   * @param {Panel} panel
   * @param {boolean} on
   */
  #set(panel, on) {
    panel.figure.classList.toggle("enlarged", on);
    document.body.classList.toggle("enlarging", on);
    press(buttonOf(panel), on);
    const others = this.#others(panel);
    if (on) {
      this.#focused = document.activeElement;
      for (const other of others) other.inert = true;
      if (!panel.figure.contains(document.activeElement)) panel.canvas.focus({ preventScroll: true });
    } else {
      for (const other of others) other.inert = false;
      const focused = this.#focused;
      if (focused instanceof HTMLElement && focused.isConnected) focused.focus(BACK);
      else tell("questions:focus", null); // the mark that had it has been set
    }
    log("zoom", panel.key, { enlarged: on });
  }

  /** @param {Panel} panel */
  #others(panel) {
    return [
      ...all(document, "header, .questions", HTMLElement),
      ...this.#panels.filter((other) => other !== panel).map((other) => other.figure),
      ...all(document, "[data-kind=curve]", HTMLElement),
    ];
  }
}

/** @param {Panel} panel */
function buttonOf(panel) {
  return within(panel.figure, ".enlarge", HTMLButtonElement);
}
