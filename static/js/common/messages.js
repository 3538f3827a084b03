// Messages between modules that do not know each other, by events of the document.

/**
 * What the reader looked at or did with the pictures.
 * @typedef {object} Exposure
 * @property {ExposureKind} kind
 * @property {string} panel where; "" where it belongs to no picture
 * @property {ExposureValue} value
 */

/** @typedef {{ [name: string]: string | number | boolean }} ExposureValue */

/**
 * As readerstudy/reading/exposure.py knows them, which says what each means.
 * @typedef {"shown" | "animation_started" | "animation_paused" | "loop" | "frame" | "map_opacity" | "map_threshold"
 *   | "window" | "zoom" | "invert" | "compare" | "magnifier" | "reset" | "help_opened" | "instructions_opened"
 *   | "tab_hidden" | "tab_shown"} ExposureKind
 */

/**
 * A point of the X-ray, or a box with its upper left corner there: in shares of the picture's side.
 * @typedef {object} Place
 * @property {number} x
 * @property {number} y
 * @property {number} [width] of a box
 * @property {number} [height]
 */

/**
 * A place in pixels of the X-ray, which has `size` of them along its side: what is stored of a mark.
 * @typedef {Place & { size: number }} PixelPlace
 */

/** @typedef {"point" | "box"} Shape */

/**
 * A question's mark, or that it has none.
 * @typedef {object} Mark
 * @property {string} question
 * @property {Shape} shape
 * @property {Place | null} place
 */

/**
 * How marking has ended; without a place where the reader gave up.
 * @typedef {object} Marked
 * @property {string} question
 * @property {boolean} byKey
 * @property {PixelPlace | null} place
 */

/**
 * What each message carries. mark:start: a mark is to be set, from the one that is there; questions:focus: the question
 * that had the focus is to have it again.
 * @typedef {{ "exposure": Exposure, "mark:start": Mark, "mark:show": Mark, "mark:done": Marked, "questions:focus": null
 *   }} Messages
 */

/**
 * @template {keyof Messages} Name
 * @param {Name} name
 * @param {Messages[Name]} detail
 */
export function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

/**
 * @template {keyof Messages} Name
 * @param {Name} name
 * @param {(detail: Messages[Name]) => void} act
 * @param {AbortSignal} signal ends it
 */
export function listen(name, act, signal) {
  document.addEventListener(name, (event) => {
    act(/** @type {CustomEvent<Messages[Name]>} */ (event).detail);
  }, { signal });
}

/**
 * @param {ExposureKind} kind
 * @param {string} panel
 * @param {ExposureValue} value
 */
export function log(kind, panel, value = {}) {
  tell("exposure", { kind, panel, value });
}

/** @param {number} number */
export const rounded = (number) => Math.round(1000 * number) / 1000;
