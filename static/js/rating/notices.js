// What the reader is told of their answers: a word in the bar, a notice above the pictures, a dialog once signed out.

import { showDialog } from "../common/dialogs.js";
import { button, byId, link, within } from "../common/elements.js";
import { gettext, interpolate } from "../common/words.js";

/** @import { Problem } from "../outbox/entries.js" */
/** @import { Outbox, State } from "../outbox/outbox.js" */

/**
 * @typedef {object} Circumstances
 * @property {boolean} saved whether the server has an answer to any question of the case
 * @property {boolean} replaced whether the case was answered elsewhere since
 * @property {boolean} asking whether another dialog is open
 */

export class Notices {
  #status = byId("status", HTMLElement);
  #notice = byId("problem", HTMLElement);
  #signedOut = byId("signed-out", HTMLDialogElement);
  #outbox;
  #signIn;
  #ofCase = false;

  /**
   * @param {Outbox} outbox
   * @param {string} signIn address of the page to sign in
   */
  constructor(outbox, signIn) {
    this.#outbox = outbox;
    this.#signIn = signIn;
  }

  /**
   * A problem of the case itself, before all that the outbox tells.
   * @param {(string | Node)[]} content
   */
  showProblem(...content) {
    this.#ofCase = true;
    this.#tell(...content);
  }

  // What was said of the case itself is over.
  clear() {
    if (this.#ofCase) this.#tell();
    this.#ofCase = false;
  }

  /** @param {Circumstances} circumstances */
  show({ saved, replaced, asking }) {
    const { state, durable, problems } = this.#outbox;
    const problem = problems.find((one) => !one.seen);
    this.#status.textContent = statusOf({ problem, state, durable, saved });
    this.#status.dataset.state = problem ? "refused" : state;
    this.#showSignIn(state === "signed-out", safety(durable), asking);
    if (!this.#ofCase) this.#tell(...this.#news(problem, state, safety(durable), replaced));
  }

  /**
   * What the reader is told above the pictures, the most pressing first.
   * @param {Problem | undefined} problem
   * @param {State} state
   * @param {string} safe
   * @param {boolean} replaced
   * @returns {(string | Node)[]}
   */
  #news(problem, state, safe, replaced) {
    if (problem) return this.#about(problem);
    if (state === "signed-out") return this.#signedOutOf(safe);
    return replaced ? newer() : [];
  }

  /**
   * Once per loss of the session; closed, the reader can go on answering, and the notice stays.
   * @param {boolean} wanted
   * @param {string} safe
   * @param {boolean} asking
   */
  #showSignIn(wanted, safe, asking) {
    const dialog = this.#signedOut;
    if (!wanted) {
      if (dialog.open) dialog.close();
      delete dialog.dataset.shown;
      return;
    }
    within(dialog, "[data-message]", HTMLElement).textContent = this.#message;
    within(dialog, "[data-safe]", HTMLElement).textContent = safe;
    if (dialog.dataset.shown || asking) return;
    dialog.dataset.shown = "yes";
    showDialog(dialog);
  }

  get #message() {
    return this.#outbox.message || gettext("You were signed out.");
  }

  /** @param {string} safe */
  #signedOutOf(safe) {
    const again = link(gettext("Sign in again"), this.#signIn, "_blank");
    const stored = interpolate(gettext("What you answered is %(safe)s. "), { safe });
    return [`${this.#message} ${stored}`, again, gettext(" and it is sent.")];
  }

  /** @param {Problem} problem */
  #about(problem) {
    const about = problem.label ? `${problem.label}. ` : "";
    if (problem.standing === undefined) {
      const { why } = problem;
      const refused = problem.late ? `${why} ` : interpolate(gettext("Not accepted: %(why)s "), { why });
      return [`${about}${refused}`, button(gettext("Dismiss"), () => this.#outbox.hide(problem))];
    }
    const use = button(gettext("Use this answer"), () => this.#outbox.tryAgain(problem));
    const keep = button(gettext("Keep the newer one"), () => this.#outbox.dismiss(problem));
    return [`${about}${problem.why} `, use, " ", keep];
  }

  /** @param {(string | Node)[]} content */
  #tell(...content) {
    this.#notice.replaceChildren(...content);
    this.#notice.hidden = content.length === 0;
  }
}

/**
 * How the answers of a case stand, in a few words.
 * @param {object} facts
 * @param {Problem | undefined} facts.problem
 * @param {State} facts.state
 * @param {boolean} facts.durable
 * @param {boolean} facts.saved
 */
export function statusOf({ problem, state, durable, saved }) {
  if (problem?.late) return gettext("Too late");
  if (problem) return problem.standing === undefined ? gettext("Not accepted") : gettext("A newer answer stands");
  const safe = safety(durable);
  if (state === "signed-out") return interpolate(gettext("Signed out – %(safe)s"), { safe });
  if (state === "sending") return durable ? gettext("Sending…") : interpolate(gettext("Sending – %(safe)s"), { safe });
  if (state === "offline") return interpolate(gettext("No connection – %(safe)s"), { safe });
  return saved ? gettext("Saved") : "";
}

/** @param {boolean} durable */
function safety(durable) {
  return durable ? gettext("stored on this computer") : gettext("not saved yet, keep this page open");
}

function newer() {
  const why = gettext(
    "This case was answered in another tab or on another computer since: what is shown here is older. ",
  );
  return [why, button(gettext("Show what stands"), () => location.reload())];
}
