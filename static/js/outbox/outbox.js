// Answers on their way: kept in this browser first, then sent under an id made here until the server acknowledges them.

import { put } from "../common/put.js";
import { gettext } from "../common/words.js";
import { knownName } from "./entries.js";
import { leaveBehind, leftNow } from "./left.js";
import { replyOf, verdictOf } from "./replies.js";
import { openStore } from "./store.js";

/** @import { Entry, Given, Problem, Refusal } from "./entries.js" */
/** @import { Reply } from "./replies.js" */
/** @import { Store } from "./store.js" */

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;
const NO_REPLY_AFTER = 20000;
const CHANNEL = "readerstudy-outbox";

/** @typedef {"idle" | "sending" | "offline" | "signed-out"} State offline: will be tried again */

/** @typedef {Pick<Reply, "revision" | "standing" | "late">} Decision */

/**
 * Who wants to know. changed(): something is different. settled(entry, decision): the server has decided, or refused.
 * @typedef {object} Listener
 * @property {() => void} changed
 * @property {(entry: Entry, decision: Decision | null) => void} [settled]
 */

// The tabs of a browser share what waits and send in turn.
export class Outbox {
  #owner;
  /** @type {Listener} */
  #listener = { changed() {} };
  /** @type {Store | null} */
  #store = null;
  #opened;
  /** @type {Entry[]} */
  #stored = []; // as the browser's storage has it
  /** @type {Entry[]} */
  #held = []; // being written, or in memory alone because it could not be
  /** @type {Promise<void>} */
  #writing = Promise.resolve();
  #storageFails = false;
  #leaving = false;
  /** @type {Map<string, number>} */
  #known = new Map();
  /** @type {Set<string>} */
  #given = new Set(); // ids of what was given in this tab and is not decided
  #channel = "BroadcastChannel" in window ? new BroadcastChannel(CHANNEL) : null;
  /** @type {Promise<void> | null} */
  #running = null;
  #again = false;
  #wait = FIRST_WAIT;
  #timer = 0;

  /** @type {State} */
  state = "idle";
  // What the server said when it asked to sign in.
  message = "";
  /** @type {Problem[]} */
  problems = [];

  /** @param {string} owner */
  constructor(owner) {
    this.#owner = owner;
    this.#opened = this.#open();
    window.addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.flush();
    });
    window.addEventListener("pagehide", () => {
      this.#leaving = true;
      leaveBehind(this.#held);
    });
    window.addEventListener("pageshow", () => { this.#leaving = false; }); // by the Back button
    window.addEventListener("storage", (event) => {
      if (leftNow(event)) this.#takeUp();
    });
    this.#channel?.addEventListener("message", async () => {
      await this.#refresh();
      this.#listener.changed();
    });
    this.flush();
  }

  /**
   * Who wants to know now, instead of whoever did before.
   * @param {Listener} listener
   */
  attend(listener) {
    this.#listener = listener;
  }

  // Whether closing the page loses nothing: all that waits is in the browser's storage.
  get durable() {
    return this.#held.length === 0 || !this.#storageFails;
  }

  get waiting() {
    return [...this.#stored, ...this.#held];
  }

  /**
   * Whether what waits under this id was given in this tab.
   * @param {string} id
   */
  gaveHere(id) {
    return this.#given.has(id);
  }

  // Resolves once the browser's storage has been read.
  get ready() {
    return this.#opened;
  }

  /**
   * The latest revision of an answer that this browser has had acknowledged, 0 for none.
   * @param {string} reading
   * @param {string} question
   */
  async known(reading, question) {
    const name = knownName({ owner: this.#owner, reading, question });
    const stored = await this.#store?.known(name).catch(() => 0); // by whichever tab sent it
    return Math.max(this.#known.get(name) ?? 0, stored ?? 0);
  }

  /**
   * Resolves once it is in the browser's storage, or is known not to fit; sending goes on by itself.
   * @param {Given} given
   */
  async add(given) {
    this.#held.push({ ...given, owner: this.#owner, given: new Date().toISOString() });
    this.#given.add(given.id);
    if (this.#leaving) leaveBehind(this.#held); // text that is kept because the page is being left
    this.#wait = FIRST_WAIT;
    this.#become(this.state === "idle" ? "sending" : this.state);
    this.#writing = Promise.all([this.#writing, this.#opened]).then(() => this.#writeHeld());
    await this.#writing;
    this.#tellOthers();
    this.flush();
  }

  flush() {
    this.#again = true;
    this.#running ??= this.#run().finally(() => { this.#running = null; });
    return this.#running;
  }

  /**
   * Not shown any more while rating; the start page still lists it.
   * @param {Problem} problem
   */
  hide(problem) {
    return this.#mark(problem, "seen");
  }

  /** @param {Problem} problem */
  dismiss(problem) {
    return this.#mark(problem, "dismissed");
  }

  /**
   * Sends what was refused once more, for example after the study was opened again; or, where a newer answer stands,
   * gives the reader's older one anew, now knowing the newer.
   * @param {Problem} problem
   */
  async tryAgain(problem) {
    const { order, why, standing, at, seen, renewed, ...entry } = problem;
    if (standing !== undefined && entry.kind === "answer") {
      entry.id = crypto.randomUUID();
      entry.url = problem.url.replace(problem.id, entry.id);
      entry.known = standing;
      entry.reason = "Chosen over an answer given elsewhere.";
    }
    if (!this.#store) {
      this.problems = this.problems.filter((other) => other.id !== problem.id);
      await this.add(entry);
      return;
    }
    if (this.state === "idle") this.#become("sending");
    this.#given.add(entry.id);
    await this.#store.again(problem, entry);
    await this.#problemsChanged();
    this.flush();
  }

  // All that this browser keeps of the reader's answers, also what was dismissed: to be taken elsewhere as a file.
  async everything() {
    if (!this.#store) return [...this.problems, ...this.waiting];
    return [...(await this.#store.everything(this.#owner)), ...this.#held];
  }

  /**
   * @param {Problem} problem
   * @param {"seen" | "dismissed"} as
   */
  async #mark(problem, as) {
    this.problems = this.problems.filter((other) => other.id !== problem.id || as === "seen");
    Object.assign(problem, { [as]: Date.now() });
    await this.#store?.keep(problem);
    await this.#problemsChanged();
  }

  async #problemsChanged() {
    await this.#refresh();
    this.#tellOthers();
    this.#listener.changed();
  }

  async #open() {
    try {
      this.#store = await openStore();
      await this.#refresh();
    } catch {
      this.#store = null; // storage is switched off or broken: memory is all there is, and the status says so
    }
  }

  async #refresh() {
    if (!this.#store) return;
    try {
      const [store, owner] = [this.#store, this.#owner];
      const [stored, problems] = await Promise.all([store.waiting(owner), store.problems(owner)]);
      const gone = this.#stored.filter(({ id }) => !stored.some((entry) => entry.id === id));
      this.#stored = stored;
      this.problems = problems;
      for (const entry of gone) await this.#settledElsewhere(entry);
    } catch {
      // The storage cannot be read now: what is known of it stays.
    }
  }

  // A page has left something behind just now.
  async #takeUp() {
    await this.#opened;
    try {
      await this.#store?.takeLeft();
    } catch {
      return; // it stays where it was left, and the next page moves it
    }
    await this.#refresh();
    this.#listener.changed();
    this.flush();
  }

  /**
   * Another tab has sent what was given in this one.
   * @param {Entry} entry
   */
  async #settledElsewhere(entry) {
    if (!this.#given.has(entry.id)) return;
    const problem = this.problems.find(({ id }) => id === entry.id);
    if (problem) this.#settle(entry, problem.standing === undefined ? null : problem);
    else if (entry.kind !== "answer") this.#settle(entry, {});
    else this.#settle(entry, { revision: await this.known(entry.reading, entry.question) });
  }

  /**
   * @param {Entry} entry
   * @param {Decision | null} decision
   */
  #settle(entry, decision) {
    this.#given.delete(entry.id);
    this.#listener.settled?.(entry, decision);
  }

  async #writeHeld() {
    while (this.#held.length) {
      const entry = this.#held[0];
      try {
        if (!this.#store) throw new Error("no storage");
        entry.order = await this.#store.add(entry);
      } catch {
        this.#storageFails = true;
        return;
      }
      this.#drop(entry);
      this.#stored.push(entry);
    }
    this.#storageFails = false;
  }

  async #run() {
    await this.#opened;
    while (this.#again) {
      this.#again = false;
      // One tab at a time: the order of answers is the order in which they were given.
      try {
        if (navigator.locks) await navigator.locks.request(`readerstudy-outbox-${this.#owner}`, () => this.#sendAll());
        else await this.#sendAll();
      } catch {
        this.#later("offline"); // the page is on its way out, or the browser in trouble: what waits is kept
      }
    }
  }

  async #sendAll() {
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#refresh(); // another tab may have sent some
    for (let entry = this.waiting[0]; entry; entry = this.waiting[0]) {
      await this.#writing; // into the storage first
      if (this.state === "idle") this.#become("sending");
      if (!(await this.#send(entry))) return;
    }
    this.#wait = FIRST_WAIT;
    this.#become("idle");
  }

  /**
   * Whether the next entry can follow.
   * @param {Entry} entry
   */
  async #send(entry) {
    let response, reply;
    try {
      const body = await this.#body(entry);
      response = await put(entry.url, body, { keepalive: true, signal: AbortSignal.timeout(NO_REPLY_AFTER) });
      reply = await replyOf(response);
    } catch {
      return this.#later("offline"); // no reply: perhaps stored, perhaps not; the same id is sent again
    }
    const redirected = response.type === "opaqueredirect";
    const verdict = verdictOf({ status: response.status, ours: reply !== null, redirected });
    if (verdict === "sign in") {
      this.message = reply?.error ?? (redirected ? gettext("This network asks you to sign in first.") : "");
      return this.#later("signed-out");
    }
    if (verdict === "again" || !reply) return this.#later("offline");
    if (verdict === "stored") await this.#acknowledged(entry, reply);
    else if (verdict === "say why" && entry.kind === "answer" && !entry.reason) {
      entry.reason = "Given on a page that did not know that the case was submitted.";
    } else if (verdict === "new id" && !entry.renewed) this.#renew(entry);
    else await this.#refused(entry, reply.error ?? "");
    return true;
  }

  /**
   * The server has something else under its id: the same once more, under another.
   * @param {Entry} entry
   */
  #renew(entry) {
    const id = crypto.randomUUID();
    entry.url = entry.url.replace(entry.id, id);
    if (this.#given.delete(entry.id)) this.#given.add(id);
    Object.assign(entry, { id, renewed: true });
  }

  /** @param {Entry} entry */
  async #body(entry) {
    if (entry.kind !== "answer") return { ...entry.body, reader: this.#owner };
    const { question, reading, seconds = null, answer, known, reason } = entry;
    const body = { reader: this.#owner, question, seconds, ...answer, ...(reason && { reason }) };
    if (known === undefined) return body;
    // What this browser has had acknowledged since counts as known: the reader gave both here, one after the other.
    return { ...body, known_revision: Math.max(known, await this.known(reading, question)) };
  }

  /**
   * @param {Entry} entry
   * @param {Reply} reply
   */
  async #acknowledged(entry, reply) {
    if (reply.late) {
      const why = gettext(
        "The case was no longer open when this arrived. It is kept, marked as late, and does not count.",
      );
      await this.#setAside(entry, { why, late: true, at: Date.now() });
      this.#settle(entry, reply);
      return;
    }
    if (reply.standing !== undefined) {
      await this.#setAside(entry, {
        why: "A newer answer, given elsewhere, stands. This one was kept beside it.",
        standing: reply.standing,
        at: Date.now(),
      });
      this.#settle(entry, reply);
      return;
    }
    let [name, revision] = ["", 0];
    if (entry.kind === "answer") {
      name = knownName(entry);
      // An entry that was sent twice can be acknowledged after a later one.
      revision = Math.max(reply.revision ?? 0, await this.known(entry.reading, entry.question));
      this.#known.set(name, revision);
    }
    if (entry.order !== undefined) await this.#store?.acknowledged(entry.order, name, revision).catch(() => {});
    this.#drop(entry);
    this.#settle(entry, reply);
    this.#tellOthers();
  }

  /**
   * That a case was gone on from is no answer of the reader's: where it is not taken, there is nothing to decide.
   * @param {Entry} entry
   * @param {string} why
   */
  async #refused(entry, why) {
    await this.#setAside(entry, entry.kind === "submission" ? null : { why, at: Date.now() });
    this.#settle(entry, null);
  }

  /**
   * @param {Entry} entry
   * @param {Refusal | null} refusal
   */
  async #setAside(entry, refusal) {
    try {
      if (!this.#store) throw new Error("no storage");
      await this.#store.setAside(entry, refusal);
      await this.#refresh();
    } catch {
      if (refusal) this.problems = [...this.problems, { ...entry, ...refusal }];
    }
    this.#drop(entry);
    this.#tellOthers();
  }

  /** @param {Entry} entry */
  #drop(entry) {
    this.#stored = this.#stored.filter((other) => other.id !== entry.id);
    this.#held = this.#held.filter((other) => other.id !== entry.id);
  }

  /** @param {State} state */
  #later(state) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
    this.#become(state);
    return false;
  }

  /** @param {State} state */
  #become(state) {
    this.state = state;
    this.#listener.changed();
  }

  #tellOthers() {
    this.#channel?.postMessage("changed");
  }
}
