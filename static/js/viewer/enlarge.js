// One picture as large as the screen, with the tools above it; everything else rests until the reader goes back.

import { log } from "../common/log.js";
import { press } from "./tools.js";

const QUESTION_KEYS = /^([0-9]|Enter|n| )$/i;

export class Enlarger {
  panel = null;
  #panels;
  #pointed;
  #focused = null;
  #changed;

  // `changed` is called when the panels have other sizes; `signal` ends the case.
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

  // Acts on a key that belongs here; says whether it did.
  key(event) {
    const acts = event.key.toLowerCase() === "e" || (event.key === "Escape" && this.panel !== null);
    if (acts) this.toggle();
    return acts;
  }

  // No answer is given to a question that the reader does not see: its key leads back to it.
  #guard(event) {
    if (!this.panel || !QUESTION_KEYS.test(event.key) || event.target.closest?.(".mark-surface")) return;
    const operates = !/[0-9]/.test(event.key) && event.target.closest?.("button, summary");
    if (operates) return;
    event.preventDefault();
    event.stopPropagation();
    this.toggle();
  }

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
      if (this.#focused?.isConnected) this.#focused.focus({ focusVisible: true, preventScroll: true });
      else document.dispatchEvent(new CustomEvent("questions:focus")); // the mark that had it has been set
    }
    log("zoom", panel.key, { enlarged: on });
  }

  #others(panel) {
    return [
      ...document.querySelectorAll("header, .questions"),
      ...this.#panels.filter((other) => other !== panel).map((other) => other.figure),
      ...document.querySelectorAll("[data-kind=curve]"),
    ];
  }
}

function buttonOf(panel) {
  return panel.figure.querySelector(".enlarge");
}
