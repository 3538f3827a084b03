// The page of the next case, asked for when the reader goes on to it: so nothing on it is older than that.

import { caseDataOf } from "./data.js";

const LONGEST_WAIT = 20000;

/**
 * Resolves with the document; with null where the address has to be loaded as a page of its own: it leads elsewhere,
 * its case is not ready, somebody else is signed in, or the server has other scripts by now. Throws without a reply.
 * @param {string} url
 * @param {string} owner
 */
export async function fetchCase(url, owner) {
  const signal = AbortSignal.timeout(LONGEST_WAIT);
  const response = await fetch(url, { redirect: "manual", headers: { Accept: "text/html" }, signal });
  if (!response.ok) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fits = page.documentElement.dataset.version === document.documentElement.dataset.version;
  return fits && caseDataOf(page)?.owner === owner ? page : null;
}
