// Window and level: which grey values of the picture are spread over the greys of the screen.

const NARROWEST = 0.01;
const OPAQUE = new Uint32Array(new Uint8Array([0, 0, 0, 255]).buffer)[0];
const GREY = new Uint32Array(new Uint8Array([1, 1, 1, 0]).buffer)[0];

// `width` and `level` are fractions of the grey scale, so that X-rays of any depth and simulated ones can share them.
export class Window {
  /**
   * @param {number} width
   * @param {number} level
   * @param {boolean} inverted
   */
  constructor(width = 1, level = 0.5, inverted = false) {
    this.width = Math.min(1, Math.max(NARROWEST, width));
    this.level = Math.min(1, Math.max(0, level));
    this.inverted = inverted;
    /** @type {Map<number, Uint32Array>} */
    this.tables = new Map();
  }

  /**
   * From the grey value that is black to the one that is white, both as fractions.
   * @param {number} low
   * @param {number} high
   * @param {boolean} inverted
   */
  static between(low, high, inverted) {
    return new Window(high - low, (low + high) / 2, inverted);
  }

  /**
   * The colour of each grey value up to `maximum`, as ImageData holds it.
   * @param {number} maximum
   */
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
