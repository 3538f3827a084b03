// The questions of a case: answers into the outbox at once, and on to the next case when they are safe.

import { askForReason, askToUnlock, showDialog } from "../common/dialogs.js";
import { all, around, button, byId } from "../common/elements.js";
import { listen, log } from "../common/messages.js";
import { gettext } from "../common/words.js";
import { caseDataOf } from "./data.js";
import { fieldOf } from "./fields.js";
import { fetchCase } from "./next.js";
import { Notices } from "./notices.js";

/** @import { AnswerGiven, Entry } from "../outbox/entries.js" */
/** @import { Decision, Outbox } from "../outbox/outbox.js" */
/** @import { FetchNext } from "./case.js" */
/** @import { CaseData } from "./data.js" */
/** @import { Field } from "./fields.js" */

/** @typedef {Entry & AnswerGiven} AnswerEntry */

export class Questions {
  #data;
  #form = byId("questions", HTMLFormElement);
  #fields;
  #next = byId("next", HTMLButtonElement);
  #notices;
  #outbox;
  #restored;
  #seconds;
  #fetchNext;
  #active;
  #ready = false;
  #asking = false;
  #leaving = false;
  #wantsNext = false;
  #replaced = false;

  /**
   * @param {CaseData} data
   * @param {object} parts
   * @param {Outbox} parts.outbox
   * @param {() => number} parts.seconds how long the reader has been active on this case, all visits together
   * @param {FetchNext} parts.fetchNext
   * @param {AbortSignal} parts.signal ends the case
   */
  constructor(data, { outbox, seconds, fetchNext, signal }) {
    this.#data = data;
    this.#outbox = outbox;
    this.#seconds = seconds;
    this.#fetchNext = fetchNext;
    this.#notices = new Notices(outbox, data.signIn);
    const form = this.#form;
    form.reset();
    const keep = (/** @type {Field} */ field) => this.#record(field);
    this.#fields = all(form, ".question", HTMLFieldSetElement).map((set) => fieldOf(set, keep, signal));
    this.#active = this.#fields[0];
    for (const field of this.#fields) {
      field.begin();
      field.fieldset.addEventListener("focusin", () => { this.#active = field; });
    }
    outbox.attend({
      changed: () => this.#changed(),
      settled: (entry, decision) => this.#settled(entry, decision),
    });
    this.#restored = outbox.ready.then(() => this.#restore());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#goNext();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#goNext(); // out of a text field
    });
    listen("questions:focus", () => this.#active.focus({ preventScroll: true }), signal);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#askServer();
    }, { signal });
    const asking = document.getElementById("ask-unlock");
    asking?.addEventListener("click", () => this.#askToUnlock(asking));
    byId("show-keys", HTMLElement).addEventListener("click", () => this.#showKeys());
    window.addEventListener("beforeunload", (event) => {
      if (!this.#outbox.durable) event.preventDefault(); // the browser asks whether to leave: an answer would be lost
    }, { signal });
  }

  // The pictures are there: answers are taken from now on.
  async enable() {
    await this.#restored;
    this.#ready = true;
    if (!this.#locked) for (const field of this.#fields) field.fieldset.disabled = false;
    this.#showState();
    // A case opens at its top: what has the focus may lie below, on a small screen.
    if (this.#locked) this.#next.focus({ preventScroll: true });
    else this.#focusOn(this.#first(), { preventScroll: true });
  }

  // Takes back the last mark; says whether there was one.
  undo() {
    if (this.#leaving || !this.#ready || this.#locked) return false;
    const places = [this.#active, ...this.#fields.filter((field) => field !== this.#active)];
    return places.some((field) => field.undo());
  }

  // The page is being left: no key answers any more.
  rest() {
    this.#hold(true);
  }

  /** @param {(string | Node)[]} content */
  showProblem(...content) {
    this.#notices.showProblem(...content);
  }

  /**
   * Acts on a key that belongs to the questions; says whether it did.
   * @param {KeyboardEvent} event
   */
  key(event) {
    if (this.#leaving) return event.key.length === 1 || event.key === "Enter";
    if (event.key === "?") return this.#showKeys();
    if (!this.#ready) return false;
    const actsItself = around(event.target, "a, button, summary");
    if (!this.#locked && /^[0-9yn]$/i.test(event.key) && this.#active.pick(event.key)) {
      this.#focusOn(this.#following());
      return true;
    }
    if (event.key.toLowerCase() === "u") return this.undo();
    // Where N can mean no, it never leads on: a second press would answer the question anew or leave it.
    // Nor where a text comes next: an N may begin it.
    const letterNext = event.key.toLowerCase() === "n" && !this.#form.querySelector("[data-kind=yes_no]") &&
      this.#active.fieldset.dataset.kind !== "text";
    if ((event.key === "Enter" && !actsItself) || letterNext) {
      this.#goNext();
      return true;
    }
    return false;
  }

  // On top of the page as the server sent it, what waited here then. At once: soon it is acknowledged, waiting no more.
  async #restore() {
    for (const entry of this.#waiting()) {
      const field = this.#field(entry);
      if (!field) continue;
      field.show(entry.answer);
      field.recorded = JSON.stringify(entry.answer);
      field.given.add(entry.id);
    }
    const { reading } = this.#data;
    const known = await Promise.all(this.#fields.map((field) => this.#outbox.known(reading, field.key)));
    // The page before, or another tab, was told of an answer after the server had made this page.
    if (this.#fields.some((field, index) => known[index] > field.revision)) reloadOnce(known.join());
  }

  get #locked() {
    return this.#data.locked === "yes";
  }

  /** @param {{ question: string }} entry */
  #field(entry) {
    return this.#fields.find((field) => field.key === entry.question);
  }

  // Where the reader begins: in the order of the questions, optional ones too, unless nothing is left that must be
  // answered.
  #first() {
    return (this.#unanswered() && this.#fields.find((field) => !field.answered)) ?? this.#fields[0];
  }

  // Where a key leads on to after an answer: the next question that is open, optional ones too, else one that was
  // passed over and must be answered.
  #following() {
    const after = this.#fields.slice(this.#fields.indexOf(this.#active) + 1);
    return after.find((field) => !field.answered) ?? this.#unanswered() ?? this.#active;
  }

  #unanswered() {
    return this.#fields.find((field) => field.required && !field.answered);
  }

  /**
   * Answers of this case that the server has not acknowledged.
   * @returns {AnswerEntry[]}
   */
  #waiting() {
    const { reading } = this.#data;
    return this.#outbox.waiting.filter((entry) => entry.kind === "answer").filter((entry) => entry.reading === reading);
  }

  /** @param {Field} field */
  async #record(field) {
    if (this.#asking) return;
    const change = field.saved !== null || !field.required;
    if (this.#data.needsReason === "yes" && change && !field.reason) {
      this.#asking = true;
      const reason = await askForReason();
      this.#asking = false;
      if (!reason) {
        field.show(field.saved);
        this.#showState();
        return;
      }
      field.reason = reason;
      field.focus();
    }
    const { reading, base, case: label } = this.#data;
    const id = crypto.randomUUID();
    const { answer } = field;
    if (!answer) return;
    field.recorded = JSON.stringify(answer);
    field.given.add(id);
    this.#outbox.add({
      kind: "answer",
      id,
      url: `${base}answers/${id}`,
      reading,
      question: field.key,
      answer,
      known: field.revision,
      reason: field.reason,
      seconds: Math.round(10 * this.#seconds()) / 10,
      label: `${label}, “${field.legend}”: ${field.spoken}`,
    });
  }

  /**
   * @param {Entry} entry
   * @param {Decision | null} decision
   */
  #settled(entry, decision) {
    if (entry.reading !== this.#data.reading) return;
    // Come back to, before the server knew that the case was submitted: what may change now is another question.
    if (entry.kind === "submission" && decision && !this.#leaving) location.reload();
    if (entry.kind !== "answer") return;
    const field = this.#field(entry);
    if (!field) return;
    if (decision?.standing !== undefined || decision?.late) {
      location.reload(); // the server knows what stands; the notice asks which of the two is to, or says: too late
    } else if (decision) {
      const { revision = 0 } = decision;
      if (revision < field.revision) return; // sent a second time, after a later one
      field.saved = entry.answer;
      field.revision = revision;
      // Chosen over the one that was shown.
      if (!field.given.has(entry.id) && !this.#waiting().some((other) => other.question === entry.question)) {
        field.show(entry.answer);
        field.recorded = JSON.stringify(entry.answer);
      }
    } else if (!this.#waiting().some((other) => other.question === entry.question)) {
      field.show(field.saved); // what was refused is not shown as if it were an answer
      field.recorded = JSON.stringify(field.saved);
    }
  }

  async #changed() {
    this.#showState();
    if (this.#replaced || !this.#ready || this.#leaving) return;
    const { reading } = this.#data;
    const newest = this.#fields.map((field) => this.#waiting().findLast((entry) => entry.question === field.key));
    const known = await Promise.all(this.#fields.map((field) => this.#outbox.known(reading, field.key)));
    const replaced = this.#fields.some((field, index) => {
      const waits = newest[index];
      if (waits) return !field.given.has(waits.id) && !this.#outbox.gaveHere(waits.id);
      return known[index] > field.revision;
    });
    if (replaced) this.#tellReplaced();
  }

  // Back from another tab, program or computer: what the server has may be newer than this page. No reply, no news.
  async #askServer() {
    if (this.#replaced || !this.#ready || this.#leaving || this.#waiting().length > 0) return;
    const { base, owner, reading, submitted, locked } = this.#data;
    const page = await fetchCase(base, owner).catch(() => null);
    const there = page && caseDataOf(page);
    if (this.#leaving || this.#waiting().length > 0 || there?.reading !== reading) return;
    const newer = this.#fields.some((field) => {
      const set = page?.querySelector(`.question[data-question="${CSS.escape(field.key)}"]`);
      return Number(set?.getAttribute("data-revision") ?? 0) > field.revision;
    });
    if (newer || there.submitted !== submitted || there.locked !== locked) this.#tellReplaced();
  }

  // What is shown here is not what stands. Answers are taken all the same: what is given now is newer than both.
  #tellReplaced() {
    this.#replaced = true;
    this.#showState();
  }

  #showState() {
    const saved = this.#fields.some((field) => field.saved !== null);
    this.#notices.show({ saved, replaced: this.#replaced, asking: this.#asking });
    const open = this.#unanswered() !== undefined || this.#waiting().length > 0;
    this.#next.disabled = !this.#ready || (!this.#locked && open);
    if (this.#wantsNext && !this.#next.disabled) this.#goNext();
  }

  /**
   * @param {Field} field
   * @param {FocusOptions} [options]
   */
  #focusOn(field, options) {
    this.#active = field;
    field.focus(options);
  }

  async #goNext() {
    if (this.#leaving || !this.#ready) return; // a double click goes on once
    this.#notices.clear();
    for (const field of this.#fields) field.commit();
    const open = this.#unanswered();
    if (open && !this.#locked) {
      this.#focusOn(open);
      return;
    }
    this.#wantsNext = true;
    if (this.#asking) return;
    if (this.#waiting().length > 0) {
      this.#outbox.flush();
      return;
    }
    this.#hold(true);
    const { next, nextCase } = this.#data;
    let show = null;
    try {
      if (nextCase === "yes") show = await this.#fetchNext(next);
    } catch {
      this.#stay();
      return;
    }
    const kept = this.#submit();
    if (show) show();
    else {
      await kept; // in the browser's storage: should it not arrive, the next page sends it
      location.assign(next);
    }
  }

  /**
   * Between two cases nothing is answered: a key that is pressed a little too soon must not change the case before.
   * @param {boolean} on
   */
  #hold(on) {
    this.#leaving = on;
    if (on && document.activeElement instanceof HTMLElement) document.activeElement.blur();
    this.#form.inert = on;
    this.#next.setAttribute("aria-busy", String(on));
  }

  // There was no reply. Nothing is lost by waiting here, as it would be on an error page of the browser's.
  #stay() {
    this.#hold(false);
    this.#wantsNext = false;
    const why = gettext("The next case could not be fetched: there is no connection. Your answers are saved. ");
    this.showProblem(why, button(gettext("Try again"), () => this.#goNext()));
    this.#next.focus();
  }

  async #submit() {
    const { submitted, unlock, reading, base, case: label } = this.#data;
    if (this.#locked || (submitted === "yes" && !unlock)) return;
    const [id, url, body] = [crypto.randomUUID(), `${base}submission`, { unlock: unlock || null }];
    await this.#outbox.add({ kind: "submission", id, url, reading, body, label });
  }

  /** @param {HTMLElement} asked */
  async #askToUnlock(asked) {
    const reason = await askToUnlock();
    if (!reason) return;
    const { reading, base, case: label } = this.#data;
    const id = crypto.randomUUID();
    await this.#outbox.add({ kind: "unlock", id, url: `${base}unlocks/${id}`, reading, body: { reason }, label });
    asked.replaceWith(gettext("The coordinator has been asked to unlock it."));
    this.#next.focus();
  }

  #showKeys() {
    log("help_opened", "", { help: "keys" });
    showDialog(byId("keys", HTMLDialogElement));
    return true;
  }
}

/**
 * Once for the same reason: a server that was set back to an earlier state must not keep the page loading.
 * @param {string} reason
 */
function reloadOnce(reason) {
  try {
    const name = `readerstudy.reloaded.${location.pathname}`;
    if (sessionStorage.getItem(name) === reason) return;
    sessionStorage.setItem(name, reason);
    location.reload();
  } catch {
    // Storage is switched off: then nothing is known of another page either.
  }
}
