// The questions of a case: answers by key or click, into the outbox at once, and on to the next case when they are safe.

import { Outbox } from "./outbox.js";

export class Questions {
  #form;
  #fieldsets;
  #next = document.getElementById("next");
  #status = document.getElementById("status");
  #problem = document.getElementById("problem");
  #outbox;
  #seconds;
  #active;
  #leaving = false;
  #wantsNext = false;

  // `seconds`: a function that says how long the reader has been active on this case, all visits together.
  constructor(form, seconds) {
    this.#form = form;
    this.#seconds = seconds;
    this.#fieldsets = [...form.querySelectorAll(".question")];
    this.#active = this.#fieldsets[0];
    this.#outbox = new Outbox(form.dataset.owner, () => this.#showState());
    form.addEventListener("change", (event) => {
      this.#choose(event.target.closest(".question"), event.target, { moveOn: false });
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#goNext();
    });
    for (const fieldset of this.#fieldsets) fieldset.addEventListener("focusin", () => { this.#active = fieldset; });
    window.addEventListener("beforeunload", (event) => {
      if (!this.#outbox.durable) event.preventDefault(); // the browser asks whether to leave: an answer would be lost
    });
    this.#restore();
    this.#showState();
    this.#outbox.retryRefused();
  }

  // The pictures are there: answers are taken from now on.
  enable() {
    for (const fieldset of this.#fieldsets) fieldset.disabled = false;
    this.#focusOn(this.#unanswered() ?? this.#fieldsets[0]);
  }

  showProblem(...content) {
    this.#problem.replaceChildren(...content);
    this.#problem.hidden = content.length === 0;
  }

  // Acts on a key that belongs to the questions; says whether it did.
  key(event) {
    if (this.#fieldsets[0].disabled) return false;
    const actsItself = event.target.closest?.("a, button, summary");
    if (/^[0-9]$/.test(event.key)) {
      const radio = this.#active.querySelector(`input[value="${event.key}"]`);
      if (!radio) return false;
      this.#choose(this.#active, radio, { moveOn: true });
      return true;
    }
    if ((event.key === "Enter" && !actsItself) || event.key.toLowerCase() === "n") {
      this.#goNext();
      return true;
    }
    return false;
  }

  #unanswered() {
    return this.#fieldsets.find((fieldset) => !chosen(fieldset));
  }

  #unacknowledged() {
    return this.#outbox.of(this.#form.dataset.reading).length > 0;
  }

  #showState() {
    const refused = this.#outbox.refused()[0];
    const safe = this.#outbox.durable ? "stored on this computer" : "not saved yet, keep this page open";
    if (refused) {
      this.#status.textContent = "Not saved";
      this.showProblem(`An answer was not accepted: ${refused.refused}`);
    } else if (this.#outbox.state === "signed-out") {
      const signIn = link("Sign in again", this.#form.dataset.signIn, "_blank");
      this.#status.textContent = `Signed out – ${safe}`;
      this.showProblem(`You were signed out. Your answer is ${safe}. `, signIn, " and it is sent.");
    } else {
      this.showProblem();
      if (this.#outbox.state === "sending") this.#status.textContent = "Sending…";
      else if (this.#outbox.state === "offline") this.#status.textContent = `No connection – ${safe}`;
      else this.#status.textContent = this.#fieldsets.some(chosen) ? "Saved" : "";
    }
    this.#status.dataset.state = refused ? "refused" : this.#outbox.state;
    this.#next.disabled = this.#unanswered() !== undefined || this.#unacknowledged();
    if (this.#wantsNext && !this.#next.disabled) this.#goNext();
  }

  #choose(fieldset, radio, { moveOn }) {
    if (radio.checked && radio.dataset.sent === "yes") return;
    for (const other of fieldset.querySelectorAll("input")) other.dataset.sent = "";
    radio.checked = true;
    radio.dataset.sent = "yes";
    this.#active = fieldset;
    const { reading, base } = this.#form.dataset;
    const seconds = Math.round(10 * this.#seconds()) / 10;
    this.#outbox.add({ reading, base, question: fieldset.dataset.question, value: Number(radio.value), seconds });
    if (moveOn) this.#focusOn(this.#unanswered() ?? fieldset);
  }

  // An unanswered question has the focus as a whole: a mark around its first point would look like a suggestion.
  #focusOn(fieldset) {
    this.#active = fieldset;
    (chosen(fieldset) ?? fieldset).focus({ focusVisible: true });
  }

  #goNext() {
    if (this.#leaving) return; // a double click goes on once
    const open = this.#unanswered();
    if (open) {
      this.#focusOn(open);
      return;
    }
    this.#wantsNext = true;
    if (this.#unacknowledged()) {
      this.#outbox.flush();
      return;
    }
    this.#leaving = true;
    location.assign(this.#form.dataset.next);
  }

  // What the browser remembers of an earlier visit is not to be trusted: the page as the server sent it is, and on top
  // of it what still waits here to be acknowledged.
  #restore() {
    this.#form.reset();
    for (const radio of this.#form.querySelectorAll("input:checked")) radio.dataset.sent = "yes";
    for (const entry of this.#outbox.of(this.#form.dataset.reading)) {
      const radio = this.#form.querySelector(`[data-question="${entry.question}"] input[value="${entry.value}"]`);
      if (radio) {
        radio.checked = true;
        radio.dataset.sent = "yes";
      }
    }
  }
}

export function link(text, href, target) {
  const anchor = document.createElement("a");
  Object.assign(anchor, { textContent: text, href, target });
  return anchor;
}

function chosen(fieldset) {
  return fieldset.querySelector("input:checked");
}
