// What becomes of something that was sent to the server, by its reply. docs/answers.md has the table; a test compares.
//
// Only a reply that bears the server's mark decides anything: proxies, portals of networks, firewalls and servers that
// are just being replaced answer too, with any status, in HTML or in JSON: none of them has stored or refused anything.

/**
 * What the server says, of an answer, a submission, a request to unlock or a batch of exposure records.
 * @typedef {object} Reply
 * @property {true} readerstudy the mark
 * @property {string} [error] why not, in words for the reader
 * @property {number} [revision] which of the answers to its question this one is
 * @property {number} [standing] the revision that stands instead, given elsewhere
 * @property {boolean} [late] kept, but the case was no longer open
 * @property {number} [refused] how many records of a batch were not taken
 */

/** @typedef {"stored" | "refused" | "sign in" | "say why" | "new id" | "again"} Verdict */

const MARK = "readerstudy";
const REFUSED = new Set([400, 403, 404]);

/**
 * The content of a reply of ours; null for any other.
 * @param {Response} response
 * @returns {Promise<Reply | null>}
 */
export async function replyOf(response) {
  if (!(response.headers.get("Content-Type") ?? "").startsWith("application/json")) return null;
  try {
    const content = await response.json();
    return content?.[MARK] === true ? content : null;
  } catch {
    return null; // cut off on its way
  }
}

/**
 * `ours`: whether the reply bears the mark; `redirected`: whether it leads elsewhere, which no reply of ours does.
 * @param {{ status: number, ours: boolean, redirected?: boolean }} reply
 * @returns {Verdict}
 */
export function verdictOf({ status, ours, redirected = false }) {
  if (redirected) return "sign in";
  if (!ours) return status === 401 || status === 403 ? "sign in" : "again";
  if (status >= 200 && status < 300) return "stored";
  if (status === 401) return "sign in";
  if (status === 409) return "new id";
  if (status === 428) return "say why";
  return REFUSED.has(status) ? "refused" : "again";
}
