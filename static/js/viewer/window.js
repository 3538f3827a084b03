// Window and level: which grey values of the picture are spread over the greys of the screen.

const NARROWEST = 0.01;
const OPAQUE = new Uint32Array(new Uint8Array([0, 0, 0, 255]).buffer)[0];
const GREY = new Uint32Array(new Uint8Array([1, 1, 1, 0]).buffer)[0];

// `width` and `level` are fractions of the grey scale, so that X-rays of any depth and simulated ones can share them.
export class Window {
  constructor(width = 1, level = 0.5, inverted = false) {
    this.width = Math.min(1, Math.max(NARROWEST, width));
    this.level = Math.min(1, Math.max(0, level));
    this.inverted = inverted;
    this.tables = new Map();
  }

  static between(low, high, inverted) {
    return new Window(high - low, (low + high) / 2, inverted);
  }

  get isDefault() {
    return this.width === 1 && this.level === 0.5;
  }

  // The colour of each grey value up to `maximum`, as ImageData holds it.
  table(maximum) {
    const known = this.tables.get(maximum);
    if (known) return known;
    const table = new Uint32Array(maximum + 1);
    const low = this.level - this.width / 2;
    for (let value = 0; value <= maximum; value++) {
      const share = Math.min(1, Math.max(0, (value / maximum - low) / this.width));
      table[value] = (OPAQUE + GREY * Math.round(255 * (this.inverted ? 1 - share : share))) >>> 0;
    }
    this.tables.set(maximum, table);
    return table;
  }
}
