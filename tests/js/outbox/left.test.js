import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";

import { forget, leaveBehind, leftBehind, leftNow } from "../../../static/js/outbox/left.js";

const ANSWER = {
  owner: "7", kind: "answer", id: "a1", url: "/case/3/answers/a1", reading: "3", question: "confidence",
  answer: { value: 4 }, label: "Case 1",
};

// As browsers have it: what was stored is listed among the object's keys, its methods are not.
class Storage {
  constructor(limit = Infinity) {
    Object.defineProperty(this, "limit", { value: limit, enumerable: false });
  }

  setItem(key, value) {
    if (Object.keys(this).length >= this.limit) throw new Error("QuotaExceededError");
    this[key] = value;
  }

  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  removeItem(key) {
    delete this[key];
  }
}

beforeEach(() => { globalThis.localStorage = new Storage(); });

test("what is left behind is found again without its place among what waited, and once", () => {
  leaveBehind([{ ...ANSWER, order: 12 }]);
  leaveBehind([ANSWER]);
  localStorage.setItem("another program's", "{}");
  const left = leftBehind();
  assert.deepEqual(left.map(({ entry }) => entry), [ANSWER]);
  forget(left);
  assert.deepEqual(leftBehind(), []);
  assert.deepEqual(Object.keys(localStorage), ["another program's"]);
});

test("an answer of an earlier version of the page becomes an entry of its reader", () => {
  const old = { id: "b2", reading: "5", base: "/case/5/", question: "confidence", value: 2, seconds: 3.5 };
  localStorage.setItem("readerstudy.answer.7.5.confidence", JSON.stringify(old));
  assert.deepEqual(leftBehind().map(({ entry }) => entry), [{
    owner: "7", kind: "answer", id: "b2", url: "/case/5/answers/b2", reading: "5", question: "confidence",
    answer: { value: 2 }, seconds: 3.5, label: "",
  }]);
});

test("a storage that is full or switched off is no error: there is nothing in it", () => {
  globalThis.localStorage = new Storage(0);
  leaveBehind([ANSWER]);
  assert.deepEqual(leftBehind(), []);
  delete globalThis.localStorage;
  leaveBehind([ANSWER]);
  assert.deepEqual(leftBehind(), []);
});

test("only a page that leaves an answer behind is news", () => {
  leaveBehind([ANSWER]);
  const [{ key }] = leftBehind();
  assert.equal(leftNow({ key, newValue: JSON.stringify(ANSWER) }), true);
  assert.equal(leftNow({ key, newValue: null }), false); // another page has taken it up
  assert.equal(leftNow({ key: "another program's", newValue: "{}" }), false);
  assert.equal(leftNow({ key: null, newValue: null }), false); // all was cleared
});
