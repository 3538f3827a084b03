// Decodes pictures in workers, so that several come at once and the page stays at hand meanwhile.

const MOST = 2; // a case has two large pictures at most: X-ray and filmstrip

/** @import { Picture } from "./copies.js" */
/** @import { Done, Job } from "./decoder.js" */

/** @typedef {{ done: (copies: Picture[]) => void, failed: (error: Error) => void, bytes: number }} Waiting */

class Decoder {
  load = 0; // bytes that wait or are being decoded
  /** @type {Worker | null} */
  #worker = this.#start();
  /** @type {Map<number, Waiting>} */
  #jobs = new Map();
  #last = 0;

  /**
   * @param {ArrayBuffer} buffer
   * @param {boolean} packed
   * @returns {Promise<Picture[]>}
   */
  decode(buffer, packed) {
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#last;
    this.load += buffer.byteLength;
    return new Promise((done, failed) => {
      this.#jobs.set(id, { done, failed, bytes: buffer.byteLength });
      /** @type {Job} */
      const job = { id, buffer, packed };
      worker.postMessage(job, [buffer]);
    });
  }

  #start() {
    const worker = new Worker(new URL("./decoder.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => {
      const { id, copies, error } = /** @type {Done} */ (data);
      if (copies) this.#end(id)?.done(copies);
      else this.#end(id)?.failed(new Error(error));
    });
    worker.addEventListener("error", () => {
      this.#worker = null; // its script did not arrive: the next picture tries anew
      for (const id of [...this.#jobs.keys()]) this.#end(id)?.failed(new Error("the decoder could not be started"));
    });
    return worker;
  }

  /** @param {number} id */
  #end(id) {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    this.load -= job?.bytes ?? 0;
    return job;
  }
}

const decoders = Array.from({ length: Math.min(MOST, navigator.hardwareConcurrency || 1) }, () => new Decoder());

/**
 * Resolves with the copies of a picture (see copies.js).
 * @param {ArrayBuffer} buffer
 * @param {boolean} packed whether the file holds gzipped numbers and no PNG
 */
export function decode(buffer, packed) {
  const free = decoders.reduce((best, one) => (one.load < best.load ? one : best));
  return free.decode(buffer, packed);
}
