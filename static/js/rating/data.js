// What the server writes about a case into its page, for the scripts.

/**
 * Of the form of its questions; "yes" or "no" where it is a matter of fact.
 * @typedef {object} CaseData
 * @property {string} reading
 * @property {string} base the address of the case
 * @property {string} case its name to the reader
 * @property {string} owner the reader who is signed in
 * @property {string} next the address that the reader goes on to
 * @property {string} nextCase whether that is a case
 * @property {string} submitted
 * @property {string} locked whether its answers can be looked at alone
 * @property {string} unlock id of the coordinator's permission to change it once more; "" for none
 * @property {string} needsReason whether a change needs one
 * @property {string} secondsBefore active time of earlier visits
 * @property {string} signIn address of the page to sign in
 */

/**
 * Null where the page is not one of a case.
 * @param {Document} page
 */
export function caseDataOf(page) {
  const form = page.getElementById("questions");
  return form && /** @type {CaseData} */ (/** @type {unknown} */ (form.dataset));
}
