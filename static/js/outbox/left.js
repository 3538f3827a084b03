// Answers in localStorage, where writing is immediate: left there by a page that could not wait for IndexedDB.

/** @import { Entry } from "./entries.js" */

/**
 * An answer that lies there, and under which key.
 * @typedef {{ key: string, entry: Entry }} Left
 */

const PREFIX = "readerstudy.left.";
const OLD_PREFIX = "readerstudy.answer."; // where an earlier version of the rating page kept all its answers

/**
 * A page that is on its way out cannot wait for IndexedDB: what is not in there yet goes here, and the next page moves
 * it. Should it have arrived after all, it is sent twice under one id, which is harmless.
 * @param {Entry[]} entries
 */
export function leaveBehind(entries) {
  try {
    for (const { order, ...entry } of entries) localStorage.setItem(PREFIX + entry.id, JSON.stringify(entry));
  } catch {
    // Storage is full or switched off: the browser has asked the reader whether to leave.
  }
}

/**
 * Whether a change of localStorage, as its event tells it, is an answer that another page left behind just now. The
 * page that comes after it may be a process of its own, which has read what was left before all of it had arrived.
 * @param {{ key: string | null, newValue: string | null }} change
 */
export function leftNow({ key, newValue }) {
  return Boolean(newValue && key?.startsWith(PREFIX));
}

/**
 * All that lies there.
 * @returns {Left[]}
 */
export function leftBehind() {
  const left = inLocalStorage(PREFIX).map(({ key, stored }) => ({ key, entry: stored }));
  return [...left, ...inLocalStorage(OLD_PREFIX).map(oldEntry)];
}

/**
 * It is elsewhere now.
 * @param {Left[]} left
 */
export function forget(left) {
  for (const { key } of left) localStorage.removeItem(key);
}

/**
 * @param {{ key: string, stored: any }} kept
 * @returns {Left}
 */
function oldEntry({ key, stored }) {
  const { id, reading, base, question, value, seconds } = stored;
  const owner = key.slice(OLD_PREFIX.length).split(".")[0];
  const url = `${base}answers/${id}`;
  return { key, entry: { owner, kind: "answer", id, url, reading, question, answer: { value }, seconds, label: "" } };
}

/** @param {string} prefix */
function inLocalStorage(prefix) {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
    const found = keys.map((key) => ({ key, stored: JSON.parse(localStorage.getItem(key) ?? "null") }));
    return found.filter(({ stored }) => stored); // null where another tab has just moved it
  } catch {
    return []; // storage is switched off: nothing is there
  }
}
