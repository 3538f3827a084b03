"""How many ordinary radiographs are doubted, and how many made faults of each kind are found.

    python -m benchmarks.doubts ../shared/data/nih [--every 1] [--seed 1]
    python -m benchmarks.doubts --phantoms 300

Reads a folder with labels.csv (columns file, view), or draws phantoms. Each fault is made once from every picture.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from explainer.catalogue.doubts import Doubt
from explainer.phantoms import draw
from explainer.radiographs.doubts import find_doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Grey = NDArray[np.float32]
    Colour = NDArray[np.uint8]

SIDE = 512
NAMES = ("JOHN DOE 1950-01-01", "SMITH, ANNA 12.03.1961", "Doe, John  ID 1234567\nSt. Mary Hospital\n2019-03-05 10:22")
#: Text on what is nearly as bright as itself is no more legible to a person than to a program.
LEGIBLE = 0.25


@dataclass(frozen=True)
class Spoilt:
    """A picture with a fault put into it on purpose."""

    grey: Grey
    colour: Colour | None = None


@dataclass(frozen=True)
class _Source:
    """What a fault is made from: a sound picture, a second one, and the draw of places and words."""

    grey: Grey
    other: Grey
    rng: random.Random

    def numpy_rng(self) -> np.random.Generator:
        return np.random.default_rng(self.rng.randrange(2**32))


def _square(grey: Grey, width: int = SIDE, height: int = SIDE) -> Grey:
    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BOX), dtype=np.float32)


def _middling(grey: Grey) -> float:
    """The median of the middle of a picture."""
    height, width = grey.shape
    return float(np.median(grey[height // 4 : -height // 4, width // 4 : -width // 4]))


def _wrapped(grey: Grey) -> Grey:
    """Eight of twelve bits kept: the highest ones are lost, so that values wrap."""
    smooth = ndimage.gaussian_filter(grey, 1.0)
    return ((np.rint(smooth * 4095).astype(np.int64) % 256) / 255).astype(np.float32)


def _beside(one: Grey, other: Grey, gap: float | None = None, *, columns: int = 12, square: bool = True) -> Grey:
    left, right = _square(one), _square(other)
    divider = [] if gap is None else [np.full((SIDE, columns), gap, dtype=np.float32)]
    film = np.concatenate([left, *divider, right], axis=1)
    return _square(film) if square else film


def _with_text(grey: Grey, rng: random.Random) -> Grey:
    picture = Image.fromarray(np.rint(grey * 255).astype(np.uint8))
    pen, text = ImageDraw.Draw(picture), rng.choice(NAMES)
    height, width = grey.shape
    size = rng.choice((0.02, 0.028, 0.04, 0.06)) * height
    while True:
        font = ImageFont.load_default(size)
        box = pen.multiline_textbbox((0, 0), text, font=font)
        if box[2] > 0.9 * width:
            size *= 0.9
            continue
        x, y = rng.randint(4, int(width - box[2]) - 4), rng.randint(4, int(height - box[3]) - 4)
        fill = rng.choice((0, 255))
        under = grey[y : y + int(box[3]), x : x + int(box[2])]
        if np.percentile(np.abs(under - fill / 255), 5) > LEGIBLE:
            break
    pen.multiline_text((x, y), text, fill=fill, font=font)
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def _arrow(grey: Grey, rng: random.Random) -> Spoilt:
    """A thin red arrow, saved as JPEG: grey values of it and the colours."""
    picture = Image.fromarray(np.rint(grey * 255).astype(np.uint8)).convert("RGB")
    height, width = grey.shape
    x, y = rng.randint(width // 5, width // 2), rng.randint(height // 5, height // 2)
    pen, long = ImageDraw.Draw(picture), width // 12
    pen.line((x, y, x + long, y + long), fill=(255, 0, 0), width=max(2, width // 200))
    pen.line((x, y, x + long // 3, y), fill=(255, 0, 0), width=max(2, width // 200))
    pen.line((x, y, x, y + long // 3), fill=(255, 0, 0), width=max(2, width // 200))
    return _reopened(picture)


def _shades(grey: Grey, count: int) -> Grey:
    steps: Grey = np.rint(grey * (count - 1)).astype(np.float32)
    return steps / np.float32(count - 1)


def _reopened(picture: Image.Image) -> Spoilt:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    with Image.open(io.BytesIO(stream.getvalue())) as again:
        again.load()
        return Spoilt(
            np.asarray(again.convert("L"), dtype=np.float32) / np.float32(255), np.asarray(again.convert("RGB"))
        )


#: Name -> the doubts of which one must be found, and how the fault is put into a picture.
FAULTS: dict[str, tuple[set[Doubt], Callable[[_Source], Grey | Spoilt]]] = {
    "inverted": ({Doubt.INVERTED}, lambda of: 1 - of.grey),
    "inverted and dark": ({Doubt.INVERTED}, lambda of: (1 - of.grey) ** 2),
    "upside down": ({Doubt.TURNED}, lambda of: of.grey[::-1]),
    "on its side": ({Doubt.TURNED}, lambda of: np.rot90(of.grey, of.rng.choice((1, 3)))),
    "nearly black": ({Doubt.BLANK}, lambda of: of.grey / np.float32(16)),
    "nearly white": ({Doubt.BLANK}, lambda of: 1 - (1 - of.grey) / np.float32(16)),
    "hardly any contrast": ({Doubt.BLANK}, lambda of: 0.4 + of.grey / np.float32(5)),
    "empty but for a marker": ({Doubt.BLANK}, lambda of: np.where(np.indices(of.grey.shape).sum(0) < 60, 0.9, 0.1)),
    "window too narrow": ({Doubt.SATURATED}, lambda of: np.clip(8 * (of.grey - _middling(of.grey)) + 0.5, 0, 1)),
    "overexposed": ({Doubt.SATURATED}, lambda of: np.clip(of.grey / _middling(of.grey), 0, 1)),
    "underexposed": ({Doubt.SATURATED, Doubt.BLANK}, lambda of: np.clip(2 * (of.grey - _middling(of.grey)), 0, 1)),
    "noise alone": ({Doubt.NOISE}, lambda of: of.numpy_rng().random(of.grey.shape).astype(np.float32)),
    "buried in noise": (
        {Doubt.NOISE},
        lambda of: np.clip(of.grey + of.numpy_rng().normal(0, 0.2, of.grey.shape), 0, 1),
    ),
    "high bits lost": ({Doubt.NOISE}, lambda of: _wrapped(of.grey)),
    "4 shades of grey": ({Doubt.FEW_GREYS, Doubt.BLANK}, lambda of: _shades(of.grey, 4)),
    "16 shades of grey": ({Doubt.FEW_GREYS}, lambda of: _shades(of.grey, 16)),
    "two side by side": ({Doubt.TWO_VIEWS}, lambda of: _beside(of.grey, of.other)),
    "two, white line between": ({Doubt.TWO_VIEWS}, lambda of: _beside(of.grey, of.other, 1.0, columns=4)),
    "two, black gap between": ({Doubt.TWO_VIEWS}, lambda of: _beside(of.grey, of.other, 0.0, columns=24)),
    "two, one above the other": ({Doubt.TWO_VIEWS}, lambda of: _beside(of.grey.T, of.other.T).T),
    "two on a long film": ({Doubt.SHAPE}, lambda of: _beside(of.grey, of.other, square=False)),
    "a strip": ({Doubt.SHAPE}, lambda of: of.grey[:, : of.grey.shape[1] // 2]),
    "a name burned in": ({Doubt.TEXT}, lambda of: _with_text(of.grey, of.rng)),
    "a red arrow": ({Doubt.COLOUR}, lambda of: _arrow(of.grey, of.rng)),
}


def spoil(name: str, one: Grey, other: Grey, rng: random.Random) -> Spoilt:
    """A picture with the fault of this name, made from one or two sound ones."""
    made = FAULTS[name][1](_Source(one, other, rng))
    return made if isinstance(made, Spoilt) else Spoilt(np.ascontiguousarray(made, dtype=np.float32))


def pictures(folder: Path, every: int) -> Iterator[tuple[str, str, Grey]]:
    """Name, view and grey values of every so many rows of a folder's labels.csv."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as stream:
        for row in list(csv.DictReader(stream))[::every]:
            with Image.open(folder / row["file"]) as picture:
                yield row["file"], row["view"], np.asarray(picture.convert("L"), dtype=np.float32) / np.float32(255)


def phantoms(count: int) -> Iterator[tuple[str, str, Grey]]:
    for index in range(count):
        phantom = draw(3, index)
        yield phantom.name, phantom.habitus.view, phantom.pixels.astype(np.float32) / np.float32(255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="folder with labels.csv")
    parser.add_argument("--phantoms", type=int, default=0, help="so many phantoms instead of a folder")
    parser.add_argument("--every", type=int, default=1, help="only every so many pictures of the folder")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    source = phantoms(args.phantoms) if args.phantoms else pictures(args.folder, args.every)
    rng, sound = random.Random(args.seed), list(source)
    doubted, seconds, kinds = 0, 0.0, Counter[str]()
    for name, view, grey in sound:
        start = time.process_time()
        doubts = find_doubts(grey, facts={"view": view})
        seconds += time.process_time() - start
        doubted += bool(doubts)
        kinds.update(doubts)
        if doubts:
            print(f"  {name}: {', '.join(doubts)}")
    print(f"sound pictures doubted: {doubted} of {len(sound)} {dict(kinds)}, {1000 * seconds / len(sound):.0f} ms each")
    for fault, (wanted, _) in FAULTS.items():
        found, others = 0, Counter[str]()
        for _, _, grey in sound:
            made = spoil(fault, grey, rng.choice(sound)[2], rng)
            doubts = find_doubts(made.grey, facts={}, colour=made.colour)
            found += bool(wanted.intersection(doubts))
            surplus = {str(doubt) for doubt in doubts if doubt not in wanted}
            others.update(surplus or ({"none"} if not doubts else ()))
        print(f"{fault:26} found {found} of {len(sound)}   others: {dict(others)}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
