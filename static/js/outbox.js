// Answers on their way: kept on this computer until the server has acknowledged them, sent again until it does.

const PREFIX = "readerstudy.answer.";
const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30000;

export function csrfToken() {
  // Read at every use: signing in again in another tab changes it.
  const cookie = document.cookie.split("; ").find((entry) => entry.startsWith("csrftoken="));
  return cookie ? decodeURIComponent(cookie.slice("csrftoken=".length)) : "";
}

export function put(url, body, options = {}) {
  return fetch(url, {
    method: "PUT",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
    body: JSON.stringify(body),
    ...options,
  });
}

export class Outbox {
  #owner;
  #onChange;
  #memory = new Map();
  #sending = false;
  #wait = FIRST_WAIT;
  #timer = null;

  // state: "idle", "sending", "offline" (will be tried again), "signed-out"
  state = "idle";

  constructor(owner, onChange) {
    this.#owner = `${PREFIX}${owner}.`;
    this.#onChange = onChange;
    window.addEventListener("online", () => this.flush());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.flush();
    });
  }

  // Whether closing the page loses nothing: all that waits is in the browser's storage.
  get durable() {
    return this.#memory.size === 0;
  }

  // One entry per question of a case: a newer choice takes the place of one that was not acknowledged.
  add({ reading, base, question, value, seconds }) {
    const entry = { id: crypto.randomUUID(), reading, base, question, value, seconds, refused: "" };
    this.#write(`${reading}.${question}`, entry);
    this.#wait = FIRST_WAIT;
    return this.flush();
  }

  entries() {
    const found = new Map();
    try {
      for (const key of Object.keys(localStorage).filter((name) => name.startsWith(this.#owner))) {
        const stored = localStorage.getItem(key); // null where another tab has just removed it
        if (stored) found.set(key.slice(this.#owner.length), JSON.parse(stored));
      }
    } catch {
      // Storage is switched off: the entries in memory are all there is.
    }
    // What did not fit into the storage is newer than what is still there under its key.
    for (const [key, entry] of this.#memory) found.set(key, entry);
    return found;
  }

  of(reading) {
    return [...this.entries().values()].filter((entry) => entry.reading === reading);
  }

  waiting() {
    return [...this.entries()].filter(([, entry]) => !entry.refused);
  }

  refused() {
    return [...this.entries().values()].filter((entry) => entry.refused);
  }

  // What was refused earlier may be taken now, for example after the study was opened again.
  retryRefused() {
    for (const [key, entry] of this.entries()) {
      if (entry.refused) this.#write(key, { ...entry, refused: "" });
    }
    return this.flush();
  }

  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    try {
      for (let waiting = this.waiting(); waiting.length; waiting = this.waiting()) {
        this.#become("sending");
        if (!(await this.#send(...waiting[0]))) return;
      }
      this.#wait = FIRST_WAIT;
      this.#become("idle");
    } finally {
      this.#sending = false;
    }
  }

  async #send(key, entry) {
    let response;
    try {
      response = await put(`${entry.base}answers/${entry.id}`, {
        question: entry.question,
        value: entry.value,
        seconds: entry.seconds,
      });
    } catch {
      return this.#later("offline"); // no reply: perhaps stored, perhaps not; the same id is sent again
    }
    if (response.ok) {
      this.#remove(key, entry.id);
      return true;
    }
    const isJson = (response.headers.get("Content-Type") ?? "").startsWith("application/json");
    // A page instead of an answer: the browser's cookies are gone, and with them the session.
    if (response.status === 401 || (response.status === 403 && !isJson)) return this.#later("signed-out");
    if (isJson && response.status >= 400 && response.status < 500) {
      const { error } = await response.json();
      const current = this.entries().get(key);
      if (current?.id === entry.id) this.#write(key, { ...entry, refused: error });
      return true;
    }
    return this.#later("offline");
  }

  #later(state) {
    this.#timer = setTimeout(() => this.flush(), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
    this.#become(state);
    return false;
  }

  #become(state) {
    this.state = state;
    this.#onChange(this);
  }

  #write(key, entry) {
    try {
      localStorage.setItem(this.#owner + key, JSON.stringify(entry));
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, entry);
    }
  }

  #remove(key, id) {
    if (this.entries().get(key)?.id !== id) return; // the reader has chosen anew meanwhile
    this.#memory.delete(key);
    try {
      localStorage.removeItem(this.#owner + key);
    } catch {
      // Storage is switched off: nothing is there.
    }
  }
}
