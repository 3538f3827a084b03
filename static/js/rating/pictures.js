// The pictures of a case: loads them, resolves once all are painted, and draws them again whenever their view changes.

import { all, around, byId, within } from "../common/elements.js";
import { log, rounded } from "../common/messages.js";
import { Enlarger } from "../viewer/enlarge.js";
import { Gestures } from "../viewer/gestures.js";
import { Grey, contextOf } from "../viewer/grey.js";
import { Marking } from "../viewer/marking.js";
import { Panel } from "../viewer/panel.js";
import { Player } from "../viewer/player.js";
import { fetchSource } from "../viewer/sources.js";
import { Tools } from "../viewer/tools.js";
import { View } from "../viewer/view.js";
import { Marker } from "./marker.js";

/** @import { Picture } from "../viewer/copies.js" */
/** @import { Region } from "../viewer/grey.js" */
/** @import { CurveData, Source } from "../viewer/sources.js" */

export class Pictures {
  #root;
  #view;
  #tools;
  /** @type {Panel[]} */
  #panels = [];
  /** @type {Grey | null} */
  #xray = null;
  /** @type {Player | null} */
  #player = null;
  /** @type {Enlarger | null} */
  #enlarger = null;
  #sheets = [document.createElement("canvas"), document.createElement("canvas")];
  #side = 0;
  #asked = false;
  #viewChanged = false;
  /** @type {Gestures[]} */
  #gestures = [];
  #marker;
  #signal;

  /**
   * @param {HTMLElement} root
   * @param {AbortSignal} signal ends the case; call end() before
   */
  constructor(root, signal) {
    this.#signal = signal;
    this.#root = root;
    const marked = Number(byId("threshold", HTMLInputElement).defaultValue);
    this.#view = new View(marked, () => {
      this.#viewChanged = true;
      this.#changed();
    });
    this.#tools = new Tools(this.#view, signal);
    this.#marker = new Marker(within(root, "[data-kind=xray] .picture", HTMLElement), this.#view, signal);
    for (const place of [root, byId("tools", HTMLElement)]) place.addEventListener("mousedown", keepFocus);
  }

  async painted() {
    const figures = all(this.#root, ".panel", HTMLElement);
    const sources = await Promise.all(figures.map(({ dataset }) => fetchSource(dataset.source ?? "")));
    const of = (/** @type {string} */ kind) => sources[figures.findIndex((figure) => figure.dataset.kind === kind)];
    const xray = new Grey(picture(of("xray")));
    this.#xray = xray;
    if (of("player")) {
      const curve = /** @type {CurveData} */ (of("curve"));
      this.#player = new Player(picture(of("player")), curve, () => this.#changed(), this.#signal);
    }
    figures.forEach((figure, index) => this.#open(figure, sources[index]));
    this.#tools.enable(xray);
    this.#marker.enable(xray.width);
    this.#enlarger = new Enlarger(this.#panels, () => this.#resize({ anew: true }), this.#signal);
    const observer = new ResizeObserver(() => this.#resize());
    for (const panel of this.#panels) observer.observe(panel.holder);
    this.#signal.addEventListener("abort", () => observer.disconnect());
    // On a screen of other density, panels keep their size.
    window.addEventListener("resize", () => this.#resize(), { signal: this.#signal });
    this.#resize();
    await painting();
    for (const figure of figures) this.#tellShown(figure, xray);
  }

  /**
   * How large a picture is on this screen, and how its greys are spread: once per visit.
   * @param {HTMLElement} figure
   * @param {Grey} xray
   */
  #tellShown(figure, xray) {
    const { panel = "", kind } = figure.dataset;
    const { window } = this.#view;
    const drawn = within(figure, ".picture > :is(canvas, svg)", Element);
    const css = drawn.getBoundingClientRect().width;
    const seen = {
      css: rounded(css),
      device: drawn instanceof HTMLCanvasElement ? drawn.width : Math.round(css * devicePixelRatio),
      ratio: rounded(devicePixelRatio),
      viewport_width: innerWidth,
      viewport_height: innerHeight,
    };
    const grey = { pixels: xray.width, width: rounded(window.width), level: rounded(window.level) };
    log("shown", panel, kind === "curve" ? seen : { ...seen, ...grey });
  }

  begin() {
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.#player?.play();
  }

  end() {
    for (const gestures of this.#gestures) gestures.end();
  }

  /**
   * Acts on a key that belongs to the pictures; says whether it did.
   * @param {KeyboardEvent} event
   */
  key(event) {
    if (!this.#side) return false;
    return Boolean(this.#player?.key(event) || this.#enlarger?.key(event) || this.#tools.key(event));
  }

  /**
   * @param {HTMLElement} figure
   * @param {Source} source
   */
  #open(figure, source) {
    const kind = figure.dataset.kind;
    if (kind === "curve") return;
    const marking = kind === "map" ? new Marking(picture(source)) : null;
    const player = kind === "player" ? this.#player : null;
    const panel = new Panel(figure, (context, region, xray, view) => {
      if (player && !player.comparing) {
        const frame = player.picture;
        frame.draw(context, region, view.window.table(frame.maximum));
      } else context.drawImage(xray, 0, 0, region.width, region.height, 0, 0, region.width, region.height);
      marking?.draw(context, region, view.marking);
    });
    this.#panels.push(panel);
    this.#gestures.push(new Gestures(panel.canvas, this.#view, panel.key));
  }

  // The panels that are seen: all of them, or the one that is enlarged.
  get #seen() {
    return this.#enlarger?.panel ? [this.#enlarger.panel] : this.#panels;
  }

  #resize({ anew = false } = {}) {
    const side = Math.round(this.#seen[0].holder.clientWidth * devicePixelRatio);
    if (side === 0 || (side === this.#side && !anew)) return;
    this.#side = side;
    for (const panel of this.#seen) panel.resize(side);
    for (const sheet of this.#sheets) Object.assign(sheet, { width: side, height: side });
    this.#draw(); // at once: a canvas that has another size is black
  }

  #changed() {
    if (this.#asked || !this.#side) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
      if (this.#viewChanged) this.#tools.show();
      this.#viewChanged = false;
    });
  }

  // The X-ray is drawn once, and from there into every panel that shows it.
  #draw() {
    const [sheet, lensSheet] = this.#sheets;
    const view = this.#view;
    const region = view.region(this.#side);
    this.#drawXray(sheet, region);
    let lens = null;
    if (view.magnifier) {
      lens = { ...view.lens(this.#side), xray: lensSheet };
      this.#drawXray(lensSheet, lens.region);
    }
    for (const panel of this.#seen) panel.draw({ view, region, xray: sheet, lens });
    this.#marker.draw();
  }

  /**
   * @param {HTMLCanvasElement} sheet
   * @param {Region} region
   */
  #drawXray(sheet, region) {
    if (!this.#xray) return; // it is drawn once it is there
    const context = contextOf(sheet, { alpha: false });
    context.fillRect(0, 0, region.width, region.height);
    this.#xray.draw(context, region, this.#view.window.table(this.#xray.maximum));
  }
}

/**
 * What was fetched for a panel that shows a picture.
 * @param {Source} source
 */
function picture(source) {
  return /** @type {Picture[]} */ (source);
}

// Resolves once the browser has painted: a message comes after the frame that was being made.
function painting() {
  return new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  }));
}

/**
 * Whoever clicks on a tool or drags on a picture goes on with the question that they were at: Enter is still Next.
 * @param {MouseEvent} event
 */
function keepFocus(event) {
  if (around(event.target, "button, summary, canvas, svg")) event.preventDefault();
}
