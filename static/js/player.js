// The counterfactual: frames of a PNG filmstrip on a canvas, there and back again, or one frame at a time.

const SWEEP = 3000; // milliseconds from the lowest lambda to the highest
const SHORTEST_FRAME = 50;
const LONGEST_FRAME = 160;

export class Player {
  #canvas;
  #context;
  #strip = new Image();
  #curve;
  #controls;
  #frame = 0;
  #step = 1;
  #timer = null;

  constructor(canvas, { play, slider, readout }) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#controls = { play, slider, readout };
  }

  async load() {
    const { filmstrip, curve } = this.#canvas.dataset;
    this.#strip.src = filmstrip;
    const [response] = await Promise.all([fetch(curve), this.#strip.decode()]);
    if (!response.ok) throw new Error(`the curve of the counterfactual: ${response.status}`);
    this.#curve = await response.json();
    this.#canvas.width = this.#curve.frame_width;
    this.#canvas.height = this.#curve.frame_height;
    const { play, slider } = this.#controls;
    slider.max = String(this.#curve.frames - 1);
    this.show(this.#curve.zero);
    slider.addEventListener("input", () => {
      this.pause();
      this.show(Number(slider.value));
    });
    play.addEventListener("click", () => this.toggle());
    slider.disabled = false;
    play.disabled = false;
  }

  show(frame) {
    const { frame_width: width, frame_height: height, columns, lambdas, predictions } = this.#curve;
    this.#frame = frame;
    const left = (frame % columns) * width;
    const top = Math.floor(frame / columns) * height;
    this.#context.drawImage(this.#strip, left, top, width, height, 0, 0, width, height);
    const prediction = `${Math.round(100 * predictions[frame])}%`;
    const lambda = lambdas[frame].toLocaleString("en", { maximumSignificantDigits: 3 }).replace("-", "−");
    const { slider, readout } = this.#controls;
    slider.value = String(frame);
    slider.setAttribute("aria-valuetext", `prediction ${prediction}, lambda ${lambda}`);
    readout.textContent = `p = ${prediction}`;
    readout.title = `lambda = ${lambda}`;
    slider.style.setProperty("--zero", String(this.#curve.zero / Math.max(1, this.#curve.frames - 1)));
  }

  get playing() {
    return this.#timer !== null;
  }

  play() {
    if (this.playing || this.#curve.frames < 2) return;
    const pace = Math.min(LONGEST_FRAME, Math.max(SHORTEST_FRAME, SWEEP / this.#curve.frames));
    this.#timer = setInterval(() => this.#advance(), pace);
    this.#label(true);
  }

  pause() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#label(false);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  #advance() {
    if (this.#frame + this.#step < 0 || this.#frame + this.#step >= this.#curve.frames) this.#step = -this.#step;
    this.show(this.#frame + this.#step);
  }

  #label(playing) {
    const { play } = this.#controls;
    play.setAttribute("aria-pressed", String(playing));
    play.querySelector("span").textContent = playing ? "Pause" : "Play";
  }
}
