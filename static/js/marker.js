// Marks a point or a box on the first picture of a case, by pointer or keyboard, and shows what was marked.
// mark:start {question, shape, place} begins it, unless someone else took it (preventDefault); mark:done tells the
// place in pixels of the picture with its size, or only the question where the reader gave up.

import { gettext } from "./words.js";

const STEP = 0.01; // of the picture's side, for an arrow key
const LARGE_STEP = 0.05; // with Shift
const SMALLEST_BOX = 0.01;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const marks = new Map();
let picture = null;
let stop = null;

// On the first picture of a case, until `signal` ends it.
export function markOn(firstPicture, signal) {
  picture = firstPicture;
  marks.clear();
  stop = null;
  document.addEventListener("mark:show", ({ detail }) => show(detail), { signal });
  document.addEventListener("mark:start", (event) => {
    if (event.defaultPrevented || !picture) return;
    stop?.();
    stop = begin(event.detail);
  }, { signal });
}

function show({ question, shape, place }) {
  marks.get(question)?.remove();
  marks.delete(question);
  if (!place || !picture) return;
  const mark = element(`mark mark-${shape}`);
  put(mark, place);
  picture.append(mark);
  marks.set(question, mark);
}

function begin({ question, shape, place }) {
  const surface = element("mark-surface");
  const hint = element("mark-hint");
  const cross = element(`mark mark-${shape} drawing`);
  const box = shape === "box";
  let at = place ? { x: place.x, y: place.y } : { x: 0.5, y: 0.5 };
  let corner = null;
  let ended = false;
  surface.tabIndex = 0;
  surface.setAttribute("role", "application");
  hint.textContent = box ? gettext("Draw a box, or Enter for each corner · Esc") : gettext("Click, or arrows and Enter · Esc");
  surface.setAttribute("aria-label", box
    ? gettext("Mark on the X-ray. Arrow keys move; Enter sets the first and then the opposite corner; Escape gives up.")
    : gettext("Mark on the X-ray. Arrow keys move, Enter marks; Escape gives up."));
  surface.append(cross, hint);
  picture.append(surface);
  surface.focus();
  draw();

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    surface.focus();
    surface.setPointerCapture(event.pointerId);
    at = within(event);
    if (box) corner = at;
    draw();
  });
  surface.addEventListener("pointermove", (event) => {
    if (!surface.hasPointerCapture(event.pointerId)) return;
    at = within(event);
    draw();
  });
  surface.addEventListener("pointerup", (event) => {
    if (!surface.hasPointerCapture(event.pointerId)) return;
    at = within(event);
    finish();
  });
  surface.addEventListener("keydown", (event) => {
    if (event.key === "Tab") return;
    event.stopPropagation(); // the keys belong to the mark while it is being set
    event.preventDefault();
    if (ARROWS[event.key]) {
      const [right, down] = ARROWS[event.key];
      const step = event.shiftKey ? LARGE_STEP : STEP;
      at = { x: clamp(at.x + step * right), y: clamp(at.y + step * down) };
    } else if (event.key === "Escape") return end({});
    else if (event.key === "Enter" || event.key === " ") {
      if (!box || corner) return finish();
      corner = at;
    }
    return draw();
  });
  surface.addEventListener("focusout", () => {
    // Somewhere else was clicked. Not while the page itself is left: the reader comes back to it.
    if (document.hasFocus()) end({});
  });

  function within(event) {
    const { left, top, width, height } = surface.getBoundingClientRect();
    return { x: clamp((event.clientX - left) / width), y: clamp((event.clientY - top) / height) };
  }

  function drawn() {
    if (!box) return at;
    const from = corner ?? at;
    return {
      x: Math.min(from.x, at.x),
      y: Math.min(from.y, at.y),
      width: Math.abs(from.x - at.x),
      height: Math.abs(from.y - at.y),
    };
  }

  function draw() {
    put(cross, drawn());
  }

  function finish() {
    const found = drawn();
    if (box && Math.min(found.width, found.height) < SMALLEST_BOX) {
      corner = null; // a click, not a box: once more
      draw();
      return;
    }
    const size = pixels();
    const scaled = Object.entries(found).map(([key, share]) => [key, Math.round(100 * share * size) / 100]);
    end({ ...Object.fromEntries(scaled), size });
  }

  function end(place) {
    if (ended) return; // taking the surface away takes the focus from it, which would end it once more
    ended = true;
    stop = null;
    surface.remove();
    document.dispatchEvent(new CustomEvent("mark:done", { detail: { question, ...place } }));
  }

  return () => end({});
}

// Side of the picture in its own pixels.
function pixels() {
  const said = picture.closest("[data-pixels]") ?? picture.querySelector("[data-pixels]");
  const drawn = picture.querySelector("img, canvas");
  return Number(said?.dataset.pixels) || drawn?.naturalWidth || drawn?.width || 1000;
}

function put(mark, { x, y, width, height }) {
  const places = { left: x, top: y, ...(width === undefined ? {} : { width, height }) };
  for (const [name, share] of Object.entries(places)) mark.style.setProperty(name, `${100 * share}%`);
}

function clamp(share) {
  return Math.min(1, Math.max(0, share));
}

function element(className) {
  const made = document.createElement("div");
  made.className = className;
  return made;
}
