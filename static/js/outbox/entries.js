// What the outbox holds: the shapes that pages, outbox and the browser's storage agree on.

/** @import { PixelPlace } from "../common/messages.js" */

/**
 * The answer to one question: a point of its scale, or what is written or marked. A mark or text that was taken away is
 * an answer without either.
 * @typedef {{ value: number }} Choice
 * @typedef {{ content: { text: string } }} Text
 * @typedef {{ content: PixelPlace | { size?: undefined } }} Marking
 * @typedef {Choice | Text | Marking} Answer
 */

/**
 * @typedef {object} Addressed
 * @property {string} id made here; what the server has under it, it has once
 * @property {string} url
 * @property {string} reading whose case it belongs to
 * @property {string} label what the reader is told that it is
 */

/**
 * @typedef {object} AnswerGiven
 * @property {"answer"} kind
 * @property {string} question
 * @property {Answer} answer
 * @property {number} [known] the latest revision that its page knew of
 * @property {string} [reason] why a submitted case changes
 * @property {number} [seconds] active time on the case until then
 */

/** @typedef {{ kind: "submission", body: { unlock: string | null } }} Submission */

/** @typedef {{ kind: "unlock", body: { reason: string } }} UnlockRequest */

/**
 * What a page gives to the outbox.
 * @typedef {Addressed & (AnswerGiven | Submission | UnlockRequest)} Given
 */

/**
 * What waits to be sent.
 * @typedef {object} Waiting
 * @property {string} owner who gave it
 * @property {string} [given] when
 * @property {number} [order] its place in the browser's storage; missing before it is there
 * @property {boolean} [renewed] sent once more under another id, since the first stood for something else
 */

/** @typedef {Given & Waiting} Entry */

/**
 * What the server did not take as it was given.
 * @typedef {object} Refusal
 * @property {string} why
 * @property {number} at
 * @property {number} [standing] the revision that stands instead
 * @property {boolean} [late] kept, but does not count
 * @property {number} [seen] shown on the start page alone since
 * @property {number} [dismissed] on record for whoever looks into the browser since
 */

/** @typedef {Entry & Refusal} Problem */

/**
 * What acknowledged revisions are kept under.
 * @param {{ owner: string, reading: string, question: string }} answer
 */
export function knownName({ owner, reading, question }) {
  return `${owner}/${reading}/${question}`;
}
