// Elements of a page: those that its template has, found by what they are, and small ones that several modules make.

/**
 * The element with this id. Throws where the page has none of this kind: template and script do not belong together.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} Kind
 */
export function byId(id, Kind) {
  return checked(document.getElementById(id), Kind, `#${id}`);
}

/**
 * The first element below `root` that fits the selector. Throws where there is none of this kind.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} Kind
 */
export function within(root, selector, Kind) {
  return checked(root.querySelector(selector), Kind, selector);
}

/**
 * All elements below `root` that fit the selector, in the order of the page. Throws where one is of another kind.
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} Kind
 */
export function all(root, selector, Kind) {
  return [...root.querySelectorAll(selector)].map((found) => checked(found, Kind, selector));
}

/**
 * What fits the selector at the target of an event, or around it.
 * @param {EventTarget | null} target
 * @param {string} selector
 */
export function around(target, selector) {
  return target instanceof Element ? target.closest(selector) : null;
}

/**
 * @param {string} text
 * @param {string} href
 * @param {string} target
 */
export function link(text, href, target) {
  const anchor = document.createElement("a");
  return Object.assign(anchor, { textContent: text, href, target });
}

/**
 * @param {string} text
 * @param {() => unknown} act
 */
export function button(text, act) {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", className: "button small", textContent: text });
  made.addEventListener("click", act);
  return made;
}

const TEXT_FIELDS = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])";

/**
 * Where letters and digits are written, so that they must not act as keys.
 * @param {EventTarget | null} target
 */
export function isTextField(target) {
  return target instanceof Element && target.matches(TEXT_FIELDS);
}

/**
 * @template {Element} T
 * @param {Element | null} found
 * @param {new () => T} Kind
 * @param {string} name
 * @returns {T}
 */
function checked(found, Kind, name) {
  if (found instanceof Kind) return found;
  throw new Error(`the page has no ${Kind.name} ${name}`);
}
