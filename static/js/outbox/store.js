// What this browser keeps of answers until the server has them: IndexedDB, each write on the disk before it counts.

import { forget, leftBehind } from "./left.js";

/** @import { Entry, Problem, Refusal } from "./entries.js" */

const NAME = "readerstudy";
const VERSION = 1;

export async function openStore() {
  const store = new Store(await open());
  await store.takeLeft();
  return store;
}

export class Store {
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
    database.onversionchange = () => database.close(); // a newer page in another tab: it takes over
  }

  /**
   * Everything of one reader that waits to be sent, in the order in which it was given.
   * @param {string} owner
   * @returns {Promise<Entry[]>}
   */
  async waiting(owner) {
    return (await this.#all("waiting")).filter((entry) => entry.owner === owner);
  }

  /**
   * What the server did not take as it was given, kept until the reader has decided about it.
   * @param {string} owner
   * @returns {Promise<Problem[]>}
   */
  async problems(owner) {
    return (await this.#all("problems")).filter((entry) => entry.owner === owner && !entry.dismissed);
  }

  /**
   * @param {string} owner
   * @returns {Promise<(Entry | Problem)[]>}
   */
  async everything(owner) {
    const kept = [...(await this.#all("problems")), ...(await this.#all("waiting"))];
    return kept.filter((entry) => entry.owner === owner);
  }

  /**
   * The latest revision that was acknowledged under this name (see entries.js).
   * @param {string} name
   * @returns {Promise<number | undefined>}
   */
  async known(name) {
    return result(this.#database.transaction("known").objectStore("known").get(name));
  }

  /**
   * Resolves with its place among what waits.
   * @param {Entry} entry
   */
  async add(entry) {
    const { order, ...content } = entry; // one that was refused before gets a new place
    const added = await this.#write(["waiting"], ([waiting]) => waiting.add(content));
    return Number(added.result);
  }

  /**
   * The server has it, as this revision of what `name` stands for.
   * @param {number} order
   * @param {string} name
   * @param {number} revision
   */
  async acknowledged(order, name, revision) {
    await this.#write(["waiting", "known"], ([waiting, known]) => {
      waiting.delete(order);
      if (name) known.put(revision, name);
    });
  }

  /**
   * @param {Entry} entry
   * @param {Refusal | null} refusal
   */
  async setAside(entry, refusal) {
    await this.#write(["waiting", "problems"], ([waiting, problems]) => {
      if (entry.order !== undefined) waiting.delete(entry.order);
      if (refusal) problems.put({ ...entry, ...refusal });
    });
  }

  /** @param {Problem} problem */
  async keep(problem) {
    await this.#write(["problems"], ([problems]) => problems.put(problem));
  }

  /**
   * Back among what waits, in the same step in which it stops being a problem.
   * @param {Problem} problem
   * @param {Entry} entry
   */
  async again(problem, entry) {
    await this.#write(["waiting", "problems"], ([waiting, problems]) => {
      problems.delete(problem.id);
      waiting.add(entry);
    });
  }

  // What pages left behind waits here from now on.
  async takeLeft() {
    const left = leftBehind();
    if (!left.length) return;
    await this.#write(["waiting"], ([waiting]) => {
      for (const { entry } of left) waiting.add(entry);
    });
    forget(left);
  }

  /**
   * @param {string} name
   * @returns {Promise<any[]>}
   */
  #all(name) {
    return result(this.#database.transaction(name).objectStore(name).getAll());
  }

  /**
   * Resolves with what `change` returns once everything is on the disk; then a loss of power loses nothing.
   * @template T
   * @param {string[]} names
   * @param {(stores: IDBObjectStore[]) => T} change
   * @returns {Promise<T>}
   */
  #write(names, change) {
    return new Promise((done, failed) => {
      const transaction = this.#database.transaction(names, "readwrite", { durability: "strict" });
      transaction.onabort = () => failed(transaction.error ?? new Error("the browser's storage refused to write"));
      const changed = change(names.map((name) => transaction.objectStore(name)));
      transaction.oncomplete = () => done(changed);
      transaction.commit?.(); // not only after the page has heard of each request: it may be on its way out
    });
  }
}

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((done, failed) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("waiting", { keyPath: "order", autoIncrement: true });
      request.result.createObjectStore("problems", { keyPath: "id" });
      request.result.createObjectStore("known");
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
    request.onblocked = () => failed(new Error("another tab holds an older storage"));
  });
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function result(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}
