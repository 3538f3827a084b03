// What becomes of something that was sent to the server, by its reply. docs/answers.md has the table; a test compares.
//
// Only a reply that bears the server's mark decides anything: proxies, portals of networks, firewalls and servers that are
// just being replaced answer too, with any status, in HTML or in JSON, and none of them has stored or refused an answer.

const MARK = "readerstudy";
const REFUSED = new Set([400, 403, 404]);

export const STORED = "stored";
export const REFUSED_FOR_GOOD = "refused";
export const SIGN_IN = "sign in";
export const SAY_WHY = "say why";
export const NEW_ID = "new id";
export const AGAIN = "again";

// The content of a reply of ours; null for any other.
export async function replyOf(response) {
  if (!(response.headers.get("Content-Type") ?? "").startsWith("application/json")) return null;
  try {
    const content = await response.json();
    return content?.[MARK] === true ? content : null;
  } catch {
    return null; // cut off on its way
  }
}

// `ours`: whether the reply bears the mark; `redirected`: whether it leads elsewhere, which no reply of ours does.
export function verdictOf({ status, ours, redirected = false }) {
  if (redirected) return SIGN_IN;
  if (!ours) return status === 401 || status === 403 ? SIGN_IN : AGAIN;
  if (status >= 200 && status < 300) return STORED;
  if (status === 401) return SIGN_IN;
  if (status === 409) return NEW_ID;
  if (status === 428) return SAY_WHY;
  return REFUSED.has(status) ? REFUSED_FOR_GOOD : AGAIN;
}
