// One question of a case: what is chosen, written or marked in it, by key or click. Nothing here sends anything.

import { gettext, interpolate } from "../common/words.js";

const ARROWS_REST = 500; // milliseconds: moving through a scale by arrow is one answer, the one where it ends
const TYPING_RESTS = 800;
const FORWARD = ["ArrowRight", "ArrowDown"];
const BACK = ["ArrowLeft", "ArrowUp"];

// `signal` ends the case.
export function fieldOf(fieldset, given, signal) {
  const { kind } = fieldset.dataset;
  const Kind = { text: TextField, location: PlaceField }[kind] ?? ChoiceField;
  return new Kind(fieldset, given, signal);
}

class Field {
  #timer = null;

  // given(field): the reader has answered, and this answer is to be kept.
  constructor(fieldset, given, signal) {
    this.fieldset = fieldset;
    this.keep = given;
    this.given = new Set(); // ids of what was answered here, on this page
    this.key = fieldset.dataset.question;
    this.required = fieldset.dataset.required === "yes";
    this.revision = Number(fieldset.dataset.revision);
    this.reason = "";
    // Whoever leaves has paused: what was given a moment ago is kept at once.
    window.addEventListener("pagehide", () => this.commit(), { signal });
    document.addEventListener("visibilitychange", () => this.commit(), { signal });
  }

  // As the server sent the page: what the browser remembers of an earlier visit is not to be trusted.
  begin() {
    this.saved = this.answer; // what the server has
    this.recorded = JSON.stringify(this.answer); // what was last kept, here or there
  }

  get changed() {
    return JSON.stringify(this.answer) !== this.recorded;
  }

  get answered() {
    return this.answer !== null;
  }

  get legend() {
    return this.fieldset.querySelector("legend").firstChild.textContent.trim();
  }

  // Keeps what is there now, at once or when the reader pauses.
  commit(rest = 0) {
    clearTimeout(this.#timer);
    if (rest) this.#timer = setTimeout(() => this.commit(), rest);
    else if (this.changed) this.keep(this);
  }

  pick() {
    return false;
  }

  // Takes back what was answered last; says whether there was something.
  undo() {
    return false;
  }

  // `options` as for an element; a case opens with { preventScroll: true }.
  focus(options = {}) {
    this.fieldset.focus({ focusVisible: true, ...options });
  }
}

class ChoiceField extends Field {
  #byArrow = false;

  constructor(fieldset, given, signal) {
    super(fieldset, given, signal);
    this.radios = [...fieldset.querySelectorAll("input[type=radio]")];
    fieldset.addEventListener("keydown", (event) => this.#arrow(event));
    fieldset.addEventListener("change", () => {
      this.commit(this.#byArrow ? ARROWS_REST : 0);
      this.#byArrow = false;
    });
    fieldset.addEventListener("focusout", (event) => {
      if (!fieldset.contains(event.relatedTarget)) this.commit();
    });
  }

  get chosen() {
    return this.radios.find((radio) => radio.checked);
  }

  get answer() {
    return this.chosen ? { value: Number(this.chosen.value) } : null;
  }

  get spoken() {
    return this.chosen?.closest("label").querySelector("[data-spoken]").textContent ?? "";
  }

  show(answer) {
    for (const radio of this.radios) radio.checked = answer !== null && Number(radio.value) === answer.value;
  }

  pick(key) {
    const radio = this.radios.find((one) => one.dataset.keys.split(" ").includes(key.toLowerCase()));
    if (!radio) return false;
    radio.checked = true;
    this.commit();
    return true;
  }

  // An unanswered question has the focus as a whole: a mark around its first point would look like a suggestion.
  focus(options = {}) {
    (this.chosen ?? this.fieldset).focus({ focusVisible: true, ...options });
  }

  #arrow(event) {
    const forward = FORWARD.includes(event.key);
    if (!forward && !BACK.includes(event.key)) return;
    this.#byArrow = true; // the browser itself moves between the points and says so by a change
    if (event.target !== this.fieldset) return;
    const radio = this.chosen ?? (forward ? this.radios[0] : this.radios.at(-1));
    event.preventDefault();
    radio.focus();
    radio.checked = true;
    this.#byArrow = false;
    this.commit(ARROWS_REST);
  }
}

class TextField extends Field {
  constructor(fieldset, given, signal) {
    super(fieldset, given, signal);
    this.area = fieldset.querySelector("textarea");
    this.area.addEventListener("input", () => this.commit(TYPING_RESTS));
    this.area.addEventListener("blur", () => this.commit());
  }

  // Text that was deleted is an answer where there was one; in a required question it is none, and the earlier stands.
  get answer() {
    const text = this.area.value;
    if (text.trim()) return { content: { text } };
    return this.required || !this.saved ? null : { content: { text: "" } };
  }

  get changed() {
    return super.changed && this.answer !== null;
  }

  get spoken() {
    const text = this.area.value.trim();
    return text.length > 40 ? `${text.slice(0, 40)}…` : text;
  }

  show(answer) {
    this.area.value = answer?.content.text ?? "";
  }

  // The question as a whole and not its text: a digit that is meant for the scale after it must not be written here.
  // Tab leads on into the text.
}

class PlaceField extends Field {
  #place = null; // in shares of the picture's side
  #sent = null; // in pixels of the picture, with its size
  #before = []; // what was marked before, on this visit

  constructor(fieldset, given, signal) {
    super(fieldset, given, signal);
    this.shape = fieldset.dataset.shape;
    this.button = fieldset.querySelector("[data-mark]");
    this.remove = fieldset.querySelector("[data-unmark]");
    this.readout = fieldset.querySelector("output");
    this.button.addEventListener("click", () => this.mark());
    this.remove?.addEventListener("click", () => this.#take(null));
    this.undoing = fieldset.querySelector("[data-undo]");
    this.undoing.addEventListener("click", () => this.undo());
    document.addEventListener("mark:done", (event) => this.#done(event.detail), { signal });
  }

  begin() {
    const stored = JSON.parse(this.fieldset.dataset.place || "null");
    this.#place = stored && "x" in stored ? stored : null;
    super.begin();
    this.#draw();
  }

  get answer() {
    if (this.#place) return { content: this.#sent ?? { ...this.#place, size: 1 } };
    return this.required || !this.saved ? null : { content: {} };
  }

  get answered() {
    return this.#place !== null;
  }

  get changed() {
    return super.changed && this.answer !== null;
  }

  get spoken() {
    return this.readout.textContent;
  }

  show(answer) {
    const { size, ...place } = answer?.content ?? {};
    this.#place = size ? shares(place, size) : null;
    this.#sent = size ? answer.content : null;
    this.#draw();
  }

  focus(options = {}) {
    this.button.focus({ focusVisible: true, ...options });
  }

  // The mark before, or none. A required question cannot be without: there the first mark is set anew.
  undo() {
    if (this.#before.length === 0 || this.fieldset.disabled) return false;
    const before = this.#before.pop();
    if (before === null && this.required) {
      this.#before.push(null);
      this.mark();
      return true;
    }
    this.show(before && { content: before });
    this.commit();
    return true;
  }

  // Enter or space on the button does it too; whoever draws on the picture answers with mark:done.
  mark() {
    const detail = { question: this.key, shape: this.shape, place: this.#place };
    document.dispatchEvent(new CustomEvent("mark:start", { detail, cancelable: true }));
  }

  #done({ question, x, y, width, height, size, byKey }) {
    if (question !== this.key) return;
    this.focus({ preventScroll: !byKey }); // whoever points at the X-ray goes on looking at it
    if (x === undefined) return; // given up: what was marked before stays
    const side = size ?? Number(document.querySelector("[data-pixels]")?.dataset.pixels);
    const place = width === undefined ? { x, y } : { x, y, width, height };
    this.#take({ ...place, size: side });
  }

  #take(content) {
    this.#before.push(this.answered ? this.#sent ?? { ...this.#place, size: 1 } : null);
    this.show(content && { content });
    this.commit();
  }

  #draw() {
    const place = this.#place;
    const percent = (share) => `${Math.round(100 * share)}%`;
    this.readout.textContent = place
      ? interpolate(gettext("Marked %(x)s across, %(y)s down"), { x: percent(place.x), y: percent(place.y) })
      : gettext("Not marked");
    this.button.querySelector("span").textContent = place ? gettext("Mark again") : gettext("Mark on the X-ray");
    if (this.remove) this.remove.hidden = !place;
    const previous = this.#before.at(-1);
    this.undoing.hidden = previous === undefined || (previous === null && this.required);
    document.dispatchEvent(new CustomEvent("mark:show", { detail: { question: this.key, shape: this.shape, place } }));
  }
}

function shares(place, size) {
  return Object.fromEntries(Object.entries(place).map(([key, pixels]) => [key, pixels / size]));
}
