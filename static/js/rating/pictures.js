// The pictures of a case: loads them, resolves once all are painted, and draws them again whenever their view changes.

import { log, rounded } from "../common/log.js";
import { Marker } from "./marker.js";
import { Enlarger } from "../viewer/enlarge.js";
import { Gestures } from "../viewer/gestures.js";
import { Grey } from "../viewer/grey.js";
import { Marking } from "../viewer/marking.js";
import { Panel } from "../viewer/panel.js";
import { Player } from "../viewer/player.js";
import { fetchSource } from "../viewer/sources.js";
import { Tools } from "../viewer/tools.js";
import { View } from "../viewer/view.js";

export class Pictures {
  #root;
  #view;
  #tools;
  #panels = [];
  #xray;
  #player = null;
  #enlarger;
  #sheets = [document.createElement("canvas"), document.createElement("canvas")];
  #side = 0;
  #asked = false;
  #viewChanged = false;
  #gestures = [];
  #marker;
  #signal;

  // `signal` ends the case; call end() before.
  constructor(root, signal) {
    this.#signal = signal;
    this.#root = root;
    const marked = Number(document.getElementById("threshold").defaultValue);
    this.#view = new View(marked, () => {
      this.#viewChanged = true;
      this.#changed();
    });
    this.#tools = new Tools(this.#view, signal);
    this.#marker = new Marker(root.querySelector("[data-kind=xray] .picture"), this.#view, signal);
    for (const place of [root, document.getElementById("tools")]) place.addEventListener("mousedown", keepFocus);
  }

  async painted() {
    const figures = [...this.#root.querySelectorAll(".panel")];
    const sources = await Promise.all(figures.map(({ dataset }) => fetchSource(dataset.source)));
    const of = (kind) => sources[figures.findIndex((figure) => figure.dataset.kind === kind)];
    this.#xray = new Grey(of("xray"));
    if (of("player")) this.#player = new Player(of("player"), of("curve"), () => this.#changed(), this.#signal);
    figures.forEach((figure, index) => this.#open(figure, sources[index]));
    this.#tools.enable(this.#xray);
    this.#marker.enable(this.#xray.width);
    this.#enlarger = new Enlarger(this.#panels, () => this.#resize({ anew: true }), this.#signal);
    const observer = new ResizeObserver(() => this.#resize());
    for (const panel of this.#panels) observer.observe(panel.canvas.parentElement);
    this.#signal.addEventListener("abort", () => observer.disconnect());
    // On a screen of other density, panels keep their size.
    window.addEventListener("resize", () => this.#resize(), { signal: this.#signal });
    this.#resize();
    await painting();
    for (const figure of figures) this.#tellShown(figure);
  }

  // How large a picture is on this screen, and how its greys are spread: once per visit.
  #tellShown({ dataset: { panel, kind } }) {
    const { window } = this.#view;
    const drawn = document.querySelector(`[data-panel="${panel}"] .picture > :is(canvas, svg)`);
    const css = drawn.getBoundingClientRect().width;
    const seen = {
      css: rounded(css),
      device: kind === "curve" ? Math.round(css * devicePixelRatio) : drawn.width,
      ratio: rounded(devicePixelRatio),
      viewport_width: innerWidth,
      viewport_height: innerHeight,
    };
    const grey = { pixels: this.#xray.width, width: rounded(window.width), level: rounded(window.level) };
    log("shown", panel, kind === "curve" ? seen : { ...seen, ...grey });
  }

  begin() {
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.#player?.play();
  }

  end() {
    for (const gestures of this.#gestures) gestures.end();
  }

  // Acts on a key that belongs to the pictures; says whether it did.
  key(event) {
    if (!this.#side) return false;
    return (this.#player?.key(event) ?? false) || this.#enlarger.key(event) || this.#tools.key(event);
  }

  #open(figure, source) {
    const kind = figure.dataset.kind;
    if (kind === "curve") return;
    const marking = kind === "map" ? new Marking(source) : null;
    const panel = new Panel(figure, (context, region, xray, view) => {
      if (kind === "player" && !this.#player.comparing) {
        const { picture } = this.#player;
        picture.draw(context, region, view.window.table(picture.maximum));
      } else context.drawImage(xray, 0, 0, region.width, region.height, 0, 0, region.width, region.height);
      marking?.draw(context, region, view.marking);
    });
    this.#panels.push(panel);
    this.#gestures.push(new Gestures(panel.canvas, this.#view, panel.key));
  }

  // The panels that are seen: all of them, or the one that is enlarged.
  get #seen() {
    return this.#enlarger.panel ? [this.#enlarger.panel] : this.#panels;
  }

  #resize({ anew = false } = {}) {
    const side = Math.round(this.#seen[0].canvas.parentElement.clientWidth * devicePixelRatio);
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

  #drawXray(sheet, region) {
    const context = sheet.getContext("2d", { alpha: false });
    context.fillRect(0, 0, region.width, region.height);
    this.#xray.draw(context, region, this.#view.window.table(this.#xray.maximum));
  }
}

// Resolves once the browser has painted: a message comes after the frame that was being made.
function painting() {
  return new Promise((done) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  }));
}

// Whoever clicks on a tool or drags on a picture goes on with the question that they were at: Enter is still Next.
function keepFocus(event) {
  if (event.target.closest("button, summary, canvas, svg")) event.preventDefault();
}
