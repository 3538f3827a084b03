// Tells the server how long the reader was active and what they looked at: in batches, never in the way of an answer.
//
// Whoever has something to record says so by a message (log() of messages.js). A <details> or popover needs no more
// than the kind in its attribute data-exposure, to be recorded when it opens.

import { around } from "../common/elements.js";
import { listen } from "../common/messages.js";
import { put } from "../common/put.js";
import { replyOf } from "../outbox/replies.js";

/** @import { ExposureKind, ExposureValue } from "../common/messages.js" */
/** @import { Clock } from "./clock.js" */

/**
 * What was looked at, as it is sent.
 * @typedef {object} ExposureRecord
 * @property {ExposureKind} kind
 * @property {string} panel
 * @property {ExposureValue} value
 * @property {number} count how many changes it stands for
 * @property {number} seconds active time on this visit until then
 */

/** @typedef {ExposureRecord & { sequence: number }} SequencedRecord which of its visit it is, from 1 */

const SEND_EVERY = 10000;
const DRAGGED = new Set(["frame", "map_opacity", "map_threshold", "window", "zoom"]);
const DRAG = 1000; // while something is dragged, one record a second tells how often it changed and where it ended
const BATCH = 100; // of this length a batch is below the 64 KB that a page may send while it is being left
const VALUE_BYTES = 450;
const WAITING = 500;
const RECORDS = 10000;
const TRIES = 30;

export class Exposure {
  #clock;
  #url;
  /** @type {SequencedRecord[]} */
  #queue = [];
  /** @type {Map<string, ExposureRecord>} */
  #dragged = new Map(); // kind and panel -> the record that still grows
  #sequence = 0;
  #lost = 0;
  #tries = 0;
  #reported = -1;
  #sending = false;
  #left = false;
  #ended = false;
  #over = new AbortController(); // once the case has ended and all is sent

  /**
   * @param {string} base the address of the case; each opening of its page is a visit of its own
   * @param {Clock} clock
   * @param {AbortSignal} signal ends the visit
   */
  constructor(base, clock, signal) {
    this.#clock = clock;
    this.#url = `${base}visits/${crypto.randomUUID()}`;
    listen("exposure", ({ kind, panel, value }) => this.record(kind, panel, value), signal);
    // It does not bubble.
    document.addEventListener("toggle", (event) => this.#toggled(event), { capture: true, signal });
    document.addEventListener("visibilitychange", () => this.#visibility(), { signal });
    window.addEventListener("pagehide", () => {
      this.#left = true;
      this.#sendAll();
    }, { signal: this.#over.signal });
    const timer = setInterval(() => this.#send(), SEND_EVERY);
    this.#over.signal.addEventListener("abort", () => clearInterval(timer));
  }

  // Call it once the clock stands. What is left is sent, again if need be, while the next case is shown.
  end() {
    this.#ended = true;
    this.#sendAll();
  }

  /**
   * @param {ExposureKind} kind
   * @param {string} panel
   * @param {ExposureValue} value
   */
  record(kind, panel = "", value = {}) {
    const key = `${kind} ${panel}`;
    const growing = this.#dragged.get(key);
    const record = { kind, panel, value, count: (growing?.count ?? 0) + 1, seconds: this.#clock.seconds };
    if (!DRAGGED.has(kind)) {
      this.#add(record);
      return;
    }
    this.#dragged.set(key, record);
    if (!growing) setTimeout(() => this.#drop(key), DRAG);
  }

  /** @param {string} key */
  #drop(key) {
    const record = this.#dragged.get(key);
    this.#dragged.delete(key);
    if (record) this.#add(record);
  }

  /** @param {ExposureRecord} record */
  #add(record) {
    if (this.#sequence === RECORDS) {
      this.#lost += 1;
      return;
    }
    this.#sequence += 1;
    const fits = new TextEncoder().encode(JSON.stringify(record.value)).length <= VALUE_BYTES;
    this.#queue.push({ ...record, sequence: this.#sequence, value: fits ? record.value : {} });
    if (this.#queue.length > WAITING) {
      this.#queue.shift();
      this.#lost += 1;
    }
  }

  /** @param {ToggleEvent} event */
  #toggled({ target, newState }) {
    if (!(target instanceof HTMLElement) || newState !== "open") return;
    const kind = /** @type {ExposureKind | undefined} */ (target.dataset.exposure);
    const panel = around(target, "[data-panel]")?.getAttribute("data-panel");
    if (kind) this.record(kind, panel ?? "");
  }

  #visibility() {
    if (this.#left) return; // the page is gone for good, which is not the same as out of view
    this.record(document.hidden ? "tab_hidden" : "tab_shown");
    if (document.hidden) this.#sendAll(); // on a tablet there may be no later moment
  }

  // The page may be gone at once: nothing is waited for. What is under way is sent again; it is stored once.
  #sendAll() {
    for (const key of [...this.#dragged.keys()]) this.#drop(key);
    this.#sending = false;
    this.#send();
  }

  async #send() {
    const totals = this.#clock.totals;
    const events = this.#queue.slice(0, BATCH);
    const news = events.length > 0 || (this.#clock.started && totals.seconds !== this.#reported);
    if (!news && this.#ended) this.#over.abort();
    if (!news || this.#sending) return;
    this.#sending = true;
    try {
      const url = events.length ? `${this.#url}/events` : this.#url;
      const body = events.length ? { ...totals, lost: this.#lost, events } : totals;
      const response = await put(url, body, { keepalive: true });
      const reply = await replyOf(response);
      if (response.ok && reply) this.#done(events, totals, reply.refused ?? 0);
      else this.#failed(events, reply !== null && [400, 404, 409].includes(response.status));
    } catch {
      this.#failed(events, false);
    } finally {
      this.#sending = false;
    }
  }

  /**
   * @param {SequencedRecord[]} events
   * @param {{ seconds: number }} totals
   * @param {number} refused
   */
  #done(events, totals, refused) {
    this.#forget(events);
    this.#lost += refused;
    this.#reported = totals.seconds;
    this.#tries = 0;
  }

  /**
   * Nobody is told. After some tries, and at once where the server will never take them, they are counted as lost.
   * @param {SequencedRecord[]} events
   * @param {boolean} refused
   */
  #failed(events, refused) {
    this.#tries += 1;
    if (this.#tries < TRIES && !refused) return;
    this.#lost += this.#forget(events);
    this.#tries = 0;
    if (this.#ended) this.#over.abort();
  }

  /** @param {SequencedRecord[]} events */
  #forget(events) {
    const before = this.#queue.length;
    const last = events.at(-1)?.sequence ?? 0;
    this.#queue = this.#queue.filter((record) => record.sequence > last);
    return before - this.#queue.length;
  }
}
