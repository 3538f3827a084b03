// What this browser keeps of answers until the server has them: IndexedDB, each write on the disk before it counts.

const NAME = "readerstudy";
const VERSION = 1;
const OLD_PREFIX = "readerstudy.answer."; // where an earlier version of this page kept answers, in localStorage
const LEFT_PREFIX = "readerstudy.left.";

export async function openStore() {
  const store = new Store(await open());
  await store.moveOldEntries();
  return store;
}

// A page that is on its way out cannot wait for IndexedDB: what is not in there yet goes where writing is immediate,
// and the next page moves it. Should it have arrived after all, it is sent twice under one id, which is harmless.
export function leaveBehind(entries) {
  try {
    for (const { order, ...entry } of entries) localStorage.setItem(LEFT_PREFIX + entry.id, JSON.stringify(entry));
  } catch {
    // Storage is full or switched off: the browser has asked the reader whether to leave.
  }
}

// Whether a change of localStorage, as its event tells it, is an answer that another page left behind just now. The page
// that comes after it may be a process of its own, which has read what was left before all of it had arrived.
export function leftNow({ key, newValue }) {
  return Boolean(newValue) && key?.startsWith(LEFT_PREFIX);
}

class Store {
  #database;

  constructor(database) {
    this.#database = database;
    database.onversionchange = () => database.close(); // a newer page in another tab: it takes over
  }

  // Everything of one reader that waits to be sent, in the order in which it was given.
  async waiting(owner) {
    return (await this.#all("waiting")).filter((entry) => entry.owner === owner);
  }

  // What the server did not take as it was given, kept until the reader has decided about it.
  async problems(owner) {
    return (await this.#all("problems")).filter((entry) => entry.owner === owner && !entry.dismissed);
  }

  async everything(owner) {
    const kept = [...(await this.#all("problems")), ...(await this.#all("waiting"))];
    return kept.filter((entry) => entry.owner === owner);
  }

  async known(name) {
    return result(this.#database.transaction("known").objectStore("known").get(name));
  }

  async add(entry) {
    let order;
    await this.#write(["waiting"], ([waiting]) => {
      const { order: _, ...content } = entry; // one that was refused before gets a new place
      waiting.add(content).onsuccess = (event) => { order = event.target.result; };
    });
    return order;
  }

  // The server has it, as this revision of what `name` stands for.
  async acknowledged(entry, name, revision) {
    await this.#write(["waiting", "known"], ([waiting, known]) => {
      waiting.delete(entry.order);
      if (name) known.put(revision, name);
    });
  }

  async setAside(entry, problem) {
    await this.#write(["waiting", "problems"], ([waiting, problems]) => {
      if (entry.order !== undefined) waiting.delete(entry.order);
      if (problem) problems.put({ ...entry, ...problem });
    });
  }

  // `seen`: shown on the start page alone; `dismissed`: on record for whoever looks into the browser.
  async mark(problem, as) {
    await this.#write(["problems"], ([problems]) => problems.put({ ...problem, [as]: Date.now() }));
  }

  // Back among what waits, in the same step in which it stops being a problem.
  async again(problem, entry) {
    await this.#write(["waiting", "problems"], ([waiting, problems]) => {
      problems.delete(problem.id);
      waiting.add(entry);
    });
  }

  async moveOldEntries() {
    const found = [...leftEntries(), ...oldEntries()];
    if (!found.length) return;
    await this.#write(["waiting"], ([waiting]) => {
      for (const { entry } of found) waiting.add(entry);
    });
    for (const { key } of found) localStorage.removeItem(key);
  }

  #all(name) {
    return result(this.#database.transaction(name).objectStore(name).getAll());
  }

  // Resolves once everything is on the disk; then a loss of power loses nothing.
  #write(names, change) {
    return new Promise((done, failed) => {
      const transaction = this.#database.transaction(names, "readwrite", { durability: "strict" });
      transaction.oncomplete = () => done();
      transaction.onabort = () => failed(transaction.error ?? new Error("the browser's storage refused to write"));
      change(names.map((name) => transaction.objectStore(name)));
      transaction.commit?.(); // not only after the page has heard of each request: it may be on its way out
    });
  }
}

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

function result(request) {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

function leftEntries() {
  return inLocalStorage(LEFT_PREFIX).map(({ key, stored }) => ({ key, entry: stored }));
}

function oldEntries() {
  return inLocalStorage(OLD_PREFIX).map(({ key, stored }) => {
    const { id, reading, base, question, value, seconds } = stored;
    const owner = key.slice(OLD_PREFIX.length).split(".")[0];
    const url = `${base}answers/${id}`;
    return { key, entry: { owner, kind: "answer", id, url, reading, question, answer: { value }, seconds, label: "" } };
  });
}

function inLocalStorage(prefix) {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    const found = keys.map((key) => ({ key, stored: JSON.parse(localStorage.getItem(key)) }));
    return found.filter(({ stored }) => stored); // null where another tab has just moved it
  } catch {
    return []; // storage is switched off: nothing is there
  }
}
