// A picture and its halves, each a quarter of the one before: a frame is drawn from the one that has the screen's size.

const SMALLEST = 64; // pixels per side of the smallest copy

// Of { width, height, values } the list of all its copies, the largest first.
export function copiesOf(picture) {
  const copies = [picture];
  for (let last = picture; Math.min(last.width, last.height) >= 2 * SMALLEST; ) {
    last = halved(last);
    copies.push(last);
  }
  return copies;
}

function halved({ width, height, values }) {
  const half = { width: width >> 1, height: height >> 1 };
  half.values = new values.constructor(half.width * half.height);
  for (let row = 0, to = 0; row < half.height; row++) {
    let from = 2 * row * width;
    for (let column = 0; column < half.width; column++, from += 2) {
      half.values[to++] = (values[from] + values[from + 1] + values[from + width] + values[from + width + 1] + 2) >> 2;
    }
  }
  return half;
}
