// The questions of a case: answers into the outbox at once, and on to the next case when they are safe.

import { askForReason, askToUnlock, showDialog } from "../common/dialogs.js";
import { button, link } from "../common/elements.js";
import { fieldOf } from "./fields.js";
import { log } from "../common/log.js";
import { fetchCase } from "./next.js";
import { gettext, interpolate } from "../common/words.js";

export class Questions {
  #form;
  #fields;
  #next = document.getElementById("next");
  #status = document.getElementById("status");
  #problem = document.getElementById("problem");
  #signedOut = document.getElementById("signed-out");
  #outbox;
  #restored;
  #seconds;
  #fetchNext;
  #active;
  #ready = false;
  #asking = false;
  #leaving = false;
  #wantsNext = false;
  #ownProblem = false;
  #replaced = false;

  // `seconds`: a function that says how long the reader has been active on this case, all visits together.
  // fetchNext(url): see room.js. `signal` ends the case.
  constructor(form, { outbox, seconds, fetchNext, signal }) {
    this.#form = form;
    this.#outbox = outbox;
    this.#seconds = seconds;
    this.#fetchNext = fetchNext;
    form.reset();
    const given = (field) => this.#record(field);
    this.#fields = [...form.querySelectorAll(".question")].map((set) => fieldOf(set, given, signal));
    this.#active = this.#fields[0];
    for (const field of this.#fields) {
      field.begin();
      field.fieldset.addEventListener("focusin", () => { this.#active = field; });
    }
    outbox.attend({
      changed: () => this.#changed(),
      settled: (entry, reply) => this.#settled(entry, reply),
    });
    this.#restored = outbox.ready.then(() => this.#restore());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#goNext();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#goNext(); // out of a text field
    });
    document.addEventListener("questions:focus", () => this.#active.focus({ preventScroll: true }), { signal });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#askServer();
    }, { signal });
    document.getElementById("ask-unlock")?.addEventListener("click", (event) => this.#askToUnlock(event.target));
    document.getElementById("show-keys").addEventListener("click", () => this.#showKeys());
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

  showProblem(...content) {
    this.#ownProblem = content.length > 0;
    this.#notice(...content);
  }

  // Acts on a key that belongs to the questions; says whether it did.
  key(event) {
    if (this.#leaving) return event.key.length === 1 || event.key === "Enter";
    if (event.key === "?") return this.#showKeys();
    if (!this.#ready) return false;
    const actsItself = event.target.closest?.("a, button, summary");
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

  // On top of the page as the server sent it, what waited here then. At once: soon it is acknowledged and waits no more.
  async #restore() {
    for (const entry of this.#waiting()) {
      const field = this.#field(entry);
      if (!field) continue;
      field.show(entry.answer);
      field.recorded = JSON.stringify(entry.answer);
      field.given.add(entry.id);
    }
    const { reading } = this.#form.dataset;
    const known = await Promise.all(this.#fields.map((field) => this.#outbox.known(reading, field.key)));
    // The page before, or another tab, was told of an answer after the server had made this page.
    if (this.#fields.some((field, index) => known[index] > field.revision)) reloadOnce(known.join());
  }

  get #locked() {
    return this.#form.dataset.locked === "yes";
  }

  #field(entry) {
    return this.#fields.find((field) => field.key === entry.question);
  }

  // Where the reader begins: in the order of the questions, optional ones too, unless nothing is left that must be answered.
  #first() {
    return (this.#unanswered() && this.#fields.find((field) => !field.answered)) ?? this.#fields[0];
  }

  // Where a key leads on to after an answer: the next question that is open, optional ones too, else one that was passed
  // over and must be answered.
  #following() {
    const after = this.#fields.slice(this.#fields.indexOf(this.#active) + 1);
    return after.find((field) => !field.answered) ?? this.#unanswered() ?? this.#active;
  }

  #unanswered() {
    return this.#fields.find((field) => field.required && !field.answered);
  }

  // Answers of this case that the server has not acknowledged.
  #waiting() {
    const { reading } = this.#form.dataset;
    return this.#outbox.waiting.filter((entry) => entry.kind === "answer" && entry.reading === reading);
  }

  async #record(field) {
    if (this.#asking) return;
    const change = field.saved !== null || !field.required;
    if (this.#form.dataset.needsReason === "yes" && change && !field.reason) {
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
    const { reading, base, case: label } = this.#form.dataset;
    const id = crypto.randomUUID();
    const { answer } = field;
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

  #settled(entry, reply) {
    if (entry.reading !== this.#form.dataset.reading) return;
    // Come back to, before the server knew that the case was submitted: what may change now is another question.
    if (entry.kind === "submission" && reply && !this.#leaving) location.reload();
    const field = this.#field(entry);
    if (entry.kind !== "answer" || !field) return;
    if (reply?.standing !== undefined || reply?.late) {
      location.reload(); // the server knows what stands; the notice asks which of the two is to, or says that it was late
    } else if (reply?.revision < field.revision) {
      return; // sent a second time, after a later one
    } else if (reply) {
      field.saved = entry.answer;
      field.revision = reply.revision;
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
    const { reading } = this.#form.dataset;
    const newest = this.#fields.map((field) => this.#waiting().findLast((entry) => entry.question === field.key));
    const known = await Promise.all(this.#fields.map((field) => this.#outbox.known(reading, field.key)));
    const replaced = this.#fields.some((field, index) => {
      const own = ({ id }) => field.given.has(id) || this.#outbox.gaveHere(id);
      return newest[index] ? !own(newest[index]) : known[index] > field.revision;
    });
    if (replaced) this.#tellReplaced();
  }

  // Back from another tab, program or computer: what the server has may be newer than this page. No reply tells nothing.
  async #askServer() {
    if (this.#replaced || !this.#ready || this.#leaving || this.#waiting().length > 0) return;
    const { base, owner, reading, submitted, locked } = this.#form.dataset;
    const page = await fetchCase(base, owner).catch(() => null);
    const there = page?.getElementById("questions")?.dataset;
    if (this.#leaving || this.#waiting().length > 0 || there?.reading !== reading) return;
    const newer = this.#fields.some((field) => {
      const set = page.querySelector(`.question[data-question="${CSS.escape(field.key)}"]`);
      return Number(set?.dataset.revision ?? 0) > field.revision;
    });
    if (newer || there.submitted !== submitted || there.locked !== locked) this.#tellReplaced();
  }

  // What is shown here is not what stands. Answers are taken all the same: what is given now is newer than both.
  #tellReplaced() {
    this.#replaced = true;
    this.#showState();
  }

  #showState() {
    const { state, durable } = this.#outbox;
    const safe = durable ? gettext("stored on this computer") : gettext("not saved yet, keep this page open");
    const problem = this.#outbox.problems.find((one) => !one.seen);
    if (problem) this.#status.textContent = problem.late ? gettext("Too late") : problem.standing === undefined ? gettext("Not accepted") : gettext("A newer answer stands");
    else if (state === "signed-out") this.#status.textContent = interpolate(gettext("Signed out – %(safe)s"), { safe });
    else if (state === "sending") this.#status.textContent = durable ? gettext("Sending…") : interpolate(gettext("Sending – %(safe)s"), { safe });
    else if (state === "offline") this.#status.textContent = interpolate(gettext("No connection – %(safe)s"), { safe });
    else this.#status.textContent = this.#fields.some((field) => field.saved !== null) ? gettext("Saved") : "";
    this.#status.dataset.state = problem ? "refused" : state;
    this.#showSignIn(state === "signed-out", safe);
    if (!this.#ownProblem) this.#notice(...this.#news(problem, state, safe));
    this.#next.disabled = !this.#ready || (!this.#locked && (this.#unanswered() !== undefined || this.#waiting().length > 0));
    if (this.#wantsNext && !this.#next.disabled) this.#goNext();
  }

  // What the reader is told above the pictures, the most pressing first.
  #news(problem, state, safe) {
    if (problem) return this.#about(problem);
    if (state === "signed-out") return this.#signIn(safe);
    return this.#replaced ? this.#newer() : [];
  }

  // Once per loss of the session; closed, the reader can go on answering, and the notice stays.
  #showSignIn(wanted, safe) {
    const dialog = this.#signedOut;
    if (!wanted) {
      if (dialog.open) dialog.close();
      delete dialog.dataset.shown;
      return;
    }
    dialog.querySelector("[data-message]").textContent = this.#outbox.message || gettext("You were signed out.");
    dialog.querySelector("[data-safe]").textContent = safe;
    if (dialog.dataset.shown || this.#asking) return;
    dialog.dataset.shown = "yes";
    showDialog(dialog);
  }

  #newer() {
    const why = gettext("This case was answered in another tab or on another computer since: what is shown here is older. ");
    return [why, button(gettext("Show what stands"), () => location.reload())];
  }

  #signIn(safe) {
    const again = link(gettext("Sign in again"), this.#form.dataset.signIn, "_blank");
    const message = this.#outbox.message || gettext("You were signed out.");
    const stored = interpolate(gettext("What you answered is %(safe)s. "), { safe });
    return [`${message} ${stored}`, again, gettext(" and it is sent.")];
  }

  #about(problem) {
    const about = problem.label ? `${problem.label}. ` : "";
    if (problem.standing === undefined) {
      const refused = problem.late ? `${problem.why} ` : interpolate(gettext("Not accepted: %(why)s "), problem);
      return [`${about}${refused}`, button(gettext("Dismiss"), () => this.#outbox.hide(problem))];
    }
    const use = button(gettext("Use this answer"), () => this.#outbox.tryAgain(problem));
    return [`${about}${problem.why} `, use, " ", button(gettext("Keep the newer one"), () => this.#outbox.dismiss(problem))];
  }

  #notice(...content) {
    this.#problem.replaceChildren(...content);
    this.#problem.hidden = content.length === 0;
  }

  #focusOn(field, options) {
    this.#active = field;
    field.focus(options);
  }

  async #goNext() {
    if (this.#leaving || !this.#ready) return; // a double click goes on once
    if (this.#ownProblem) this.showProblem();
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
    const { next, nextCase } = this.#form.dataset;
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

  // Between two cases nothing is answered: a key that is pressed a little too soon must not change the case before.
  #hold(on) {
    this.#leaving = on;
    if (on) document.activeElement?.blur();
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
    const { submitted, unlock, reading, base, case: label } = this.#form.dataset;
    if (this.#locked || (submitted === "yes" && !unlock)) return;
    const body = { unlock: unlock || null };
    await this.#outbox.add({ kind: "submission", id: crypto.randomUUID(), url: `${base}submission`, reading, body, label });
  }

  async #askToUnlock(asked) {
    const reason = await askToUnlock();
    if (!reason) return;
    const { reading, base, case: label } = this.#form.dataset;
    const id = crypto.randomUUID();
    await this.#outbox.add({ kind: "unlock", id, url: `${base}unlocks/${id}`, reading, body: { reason }, label });
    asked.replaceWith(gettext("The coordinator has been asked to unlock it."));
    this.#next.focus();
  }

  #showKeys() {
    log("help_opened", "", { help: "keys" });
    showDialog(document.getElementById("keys"));
    return true;
  }
}

// Once for the same reason: a server that was set back to an earlier state must not keep the page loading.
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
