// One question of a case: what is chosen, written or marked in it, by key or click. Nothing here sends anything.

import { all, within } from "../common/elements.js";
import { listen, tell } from "../common/messages.js";
import { gettext, interpolate } from "../common/words.js";
import { sharesOf } from "./places.js";

/** @import { Marked, PixelPlace, Place, Shape } from "../common/messages.js" */
/** @import { Answer } from "../outbox/entries.js" */

const ARROWS_REST = 500; // milliseconds: moving through a scale by arrow is one answer, the one where it ends
const TYPING_RESTS = 800;
const FORWARD = ["ArrowRight", "ArrowDown"];
const BACK = ["ArrowLeft", "ArrowUp"];

/**
 * The reader has answered, and this answer is to be kept.
 * @typedef {(field: Field) => void} Keep
 */

/**
 * @param {HTMLFieldSetElement} fieldset
 * @param {Keep} keep
 * @param {AbortSignal} signal ends the case
 * @returns {Field}
 */
export function fieldOf(fieldset, keep, signal) {
  const { kind } = fieldset.dataset;
  const Kind = kind === "text" ? TextField : kind === "location" ? PlaceField : ChoiceField;
  return new Kind(fieldset, keep, signal);
}

export class Field {
  #timer = 0;
  /** @type {Answer | null} */
  saved = null; // what the server has
  recorded = "null"; // what was last kept, here or there

  /**
   * @param {HTMLFieldSetElement} fieldset
   * @param {Keep} keep
   * @param {AbortSignal} signal
   */
  constructor(fieldset, keep, signal) {
    this.fieldset = fieldset;
    this.keep = keep;
    /** @type {Set<string>} */
    this.given = new Set(); // ids of what was answered here, on this page
    this.key = fieldset.dataset.question ?? "";
    this.required = fieldset.dataset.required === "yes";
    this.revision = Number(fieldset.dataset.revision);
    this.reason = "";
    // Whoever leaves has paused: what was given a moment ago is kept at once.
    window.addEventListener("pagehide", () => this.commit(), { signal });
    document.addEventListener("visibilitychange", () => this.commit(), { signal });
  }

  // As the server sent the page: what the browser remembers of an earlier visit is not to be trusted.
  begin() {
    this.saved = this.answer;
    this.recorded = JSON.stringify(this.answer);
  }

  /** @returns {Answer | null} */
  get answer() {
    throw new Error("each kind of question says what its answer is");
  }

  // The answer in words.
  get spoken() {
    return "";
  }

  /** @param {Answer | null} _answer */
  show(_answer) {
    throw new Error("each kind of question shows an answer in its way");
  }

  get changed() {
    return JSON.stringify(this.answer) !== this.recorded;
  }

  get answered() {
    return this.answer !== null;
  }

  get legend() {
    return within(this.fieldset, "legend", HTMLElement).firstChild?.textContent?.trim() ?? "";
  }

  // Keeps what is there now, at once or when the reader pauses.
  commit(rest = 0) {
    clearTimeout(this.#timer);
    if (rest) this.#timer = setTimeout(() => this.commit(), rest);
    else if (this.changed) this.keep(this);
  }

  /**
   * Takes the answer that a key stands for; says whether there is one.
   * @param {string} _key
   */
  pick(_key) {
    return false;
  }

  // Takes back what was answered last; says whether there was something.
  undo() {
    return false;
  }

  /** @param {FocusOptions} options a case opens with { preventScroll: true } */
  focus(options = {}) {
    this.fieldset.focus({ focusVisible: true, ...options });
  }
}

class ChoiceField extends Field {
  #byArrow = false;

  /**
   * @param {HTMLFieldSetElement} fieldset
   * @param {Keep} keep
   * @param {AbortSignal} signal
   */
  constructor(fieldset, keep, signal) {
    super(fieldset, keep, signal);
    this.radios = all(fieldset, "input[type=radio]", HTMLInputElement);
    fieldset.addEventListener("keydown", (event) => this.#arrow(event));
    fieldset.addEventListener("change", () => {
      this.commit(this.#byArrow ? ARROWS_REST : 0);
      this.#byArrow = false;
    });
    fieldset.addEventListener("focusout", (event) => {
      if (!fieldset.contains(/** @type {Node | null} */ (event.relatedTarget))) this.commit();
    });
  }

  get chosen() {
    return this.radios.find((radio) => radio.checked);
  }

  /** @override */
  get answer() {
    return this.chosen ? { value: Number(this.chosen.value) } : null;
  }

  /** @override */
  get spoken() {
    return this.chosen?.closest("label")?.querySelector("[data-spoken]")?.textContent ?? "";
  }

  /**
   * @override
   * @param {Answer | null} answer
   */
  show(answer) {
    const value = answer && "value" in answer ? answer.value : null;
    for (const radio of this.radios) radio.checked = Number(radio.value) === value;
  }

  /**
   * @override
   * @param {string} key
   */
  pick(key) {
    const radio = this.radios.find((one) => one.dataset.keys?.split(" ").includes(key.toLowerCase()));
    if (!radio) return false;
    radio.checked = true;
    this.commit();
    return true;
  }

  /**
   * An unanswered question has the focus as a whole: a mark around its first point would look like a suggestion.
   * @override
   * @param {FocusOptions} options
   */
  focus(options = {}) {
    (this.chosen ?? this.fieldset).focus({ focusVisible: true, ...options });
  }

  /** @param {KeyboardEvent} event */
  #arrow(event) {
    const forward = FORWARD.includes(event.key);
    if (!forward && !BACK.includes(event.key)) return;
    this.#byArrow = true; // the browser itself moves between the points and says so by a change
    if (event.target !== this.fieldset) return;
    const radio = this.chosen ?? (forward ? this.radios[0] : this.radios[this.radios.length - 1]);
    event.preventDefault();
    radio.focus();
    radio.checked = true;
    this.#byArrow = false;
    this.commit(ARROWS_REST);
  }
}

class TextField extends Field {
  /**
   * @param {HTMLFieldSetElement} fieldset
   * @param {Keep} keep
   * @param {AbortSignal} signal
   */
  constructor(fieldset, keep, signal) {
    super(fieldset, keep, signal);
    this.area = within(fieldset, "textarea", HTMLTextAreaElement);
    this.area.addEventListener("input", () => this.commit(TYPING_RESTS));
    this.area.addEventListener("blur", () => this.commit());
  }

  /**
   * Text that was deleted is an answer where there was one; in a required question it is none, and the earlier stands.
   * @override
   * @returns {Answer | null}
   */
  get answer() {
    const text = this.area.value;
    if (text.trim()) return { content: { text } };
    return this.required || !this.saved ? null : { content: { text: "" } };
  }

  get changed() {
    return super.changed && this.answer !== null;
  }

  /** @override */
  get spoken() {
    const text = this.area.value.trim();
    return text.length > 40 ? `${text.slice(0, 40)}…` : text;
  }

  /**
   * @override
   * @param {Answer | null} answer
   */
  show(answer) {
    this.area.value = answer && "content" in answer && "text" in answer.content ? answer.content.text : "";
  }

  // The question as a whole and not its text: a digit that is meant for the scale after it must not be written here.
  // Tab leads on into the text.
}

class PlaceField extends Field {
  /** @type {Place | null} */
  #place = null;
  /** @type {PixelPlace | null} */
  #sent = null; // the same as it was marked; the server tells shares alone
  /** @type {(PixelPlace | null)[]} */
  #before = []; // what was marked before, on this visit

  /**
   * @param {HTMLFieldSetElement} fieldset
   * @param {Keep} keep
   * @param {AbortSignal} signal
   */
  constructor(fieldset, keep, signal) {
    super(fieldset, keep, signal);
    this.shape = /** @type {Shape} */ (fieldset.dataset.shape);
    this.button = within(fieldset, "[data-mark]", HTMLElement);
    this.remove = fieldset.querySelector("[data-unmark]");
    this.readout = within(fieldset, "output", HTMLElement);
    this.button.addEventListener("click", () => this.mark());
    this.remove?.addEventListener("click", () => this.#take(null));
    this.undoing = within(fieldset, "[data-undo]", HTMLElement);
    this.undoing.addEventListener("click", () => this.undo());
    listen("mark:done", (marked) => this.#done(marked), signal);
  }

  /** @override */
  begin() {
    const stored = JSON.parse(this.fieldset.dataset.place || "null");
    this.#place = stored && "x" in stored ? stored : null;
    super.begin();
    this.#draw();
  }

  /**
   * @override
   * @returns {Answer | null}
   */
  get answer() {
    if (this.#marked) return { content: this.#marked };
    return this.required || !this.saved ? null : { content: {} };
  }

  /** @override */
  get answered() {
    return this.#place !== null;
  }

  /** @returns {PixelPlace | null} */
  get #marked() {
    return this.#place && (this.#sent ?? { ...this.#place, size: 1 });
  }

  get changed() {
    return super.changed && this.answer !== null;
  }

  /** @override */
  get spoken() {
    return this.readout.textContent ?? "";
  }

  /**
   * @override
   * @param {Answer | null} answer
   */
  show(answer) {
    const content = answer && "content" in answer ? answer.content : {};
    this.#sent = "size" in content && content.size !== undefined ? content : null;
    this.#place = this.#sent && sharesOf(this.#sent);
    this.#draw();
  }

  /**
   * @override
   * @param {FocusOptions} options
   */
  focus(options = {}) {
    this.button.focus({ focusVisible: true, ...options });
  }

  /**
   * The mark before, or none. A required question cannot be without: there the first mark is set anew.
   * @override
   */
  undo() {
    if (this.#before.length === 0 || this.fieldset.disabled) return false;
    const before = this.#before.pop() ?? null;
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
    tell("mark:start", { question: this.key, shape: this.shape, place: this.#place });
  }

  /** @param {Marked} marked */
  #done({ question, place, byKey }) {
    if (question !== this.key) return;
    this.focus({ preventScroll: !byKey }); // whoever points at the X-ray goes on looking at it
    if (place) this.#take(place); // else given up: what was marked before stays
  }

  /** @param {PixelPlace | null} content */
  #take(content) {
    this.#before.push(this.#marked);
    this.show(content && { content });
    this.commit();
  }

  #draw() {
    const place = this.#place;
    const percent = (/** @type {number} */ share) => `${Math.round(100 * share)}%`;
    this.readout.textContent = place
      ? interpolate(gettext("Marked %(x)s across, %(y)s down"), { x: percent(place.x), y: percent(place.y) })
      : gettext("Not marked");
    within(this.button, "span", HTMLElement).textContent = place ? gettext("Mark again") : gettext("Mark on the X-ray");
    if (this.remove instanceof HTMLElement) this.remove.hidden = !place;
    const previous = this.#before.at(-1);
    this.undoing.hidden = previous === undefined || (previous === null && this.required);
    tell("mark:show", { question: this.key, shape: this.shape, place });
  }
}
