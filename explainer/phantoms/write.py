"""`python -m explainer phantoms`: write a series of phantoms with labels, boxes and masks as a folder of files."""

from __future__ import annotations

import argparse
import csv
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from explainer.errors import ExplainerError, UsageError
from explainer.memory import keep_memory
from explainer.phantoms.render import SIZE, draw

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from explainer.phantoms.findings import Mask

LABELS_HEADER = ("image", "findings", "patient_id", "age", "sex", "view", "file")
BOXES_HEADER = ("image", "finding", "x", "y", "width", "height")
MASKS_HEADER = ("image", "finding", "file")
SHORTCUTS_HEADER = ("image", "shortcut", "file")


class PhantomError(ExplainerError):
    """The phantoms asked for cannot be written."""


@dataclass(frozen=True)
class _Written:
    """The CSV rows of one phantom."""

    label: tuple[Any, ...]
    boxes: tuple[tuple[Any, ...], ...]
    masks: tuple[tuple[Any, ...], ...]
    shortcuts: tuple[tuple[Any, ...], ...]


def box_of(mask: Mask) -> tuple[int, int, int, int]:
    """Smallest x, y, width, height around a mask, in pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def _save_mask(mask: Mask, path: Path) -> None:
    Image.fromarray(mask).save(path, compress_level=1)


def _write_one(index: int, *, seed: int, size: int, out: Path) -> _Written:
    phantom = draw(seed, index, size=size)
    file, image = f"images/{phantom.name}.png", f"{phantom.name}.png"
    Image.fromarray(phantom.pixels).save(out / file, compress_level=1)
    boxes, masks, shortcuts = [], [], []
    for finding, mask in phantom.masks.items():
        target = f"masks/{phantom.name}__{finding.replace(' ', '_')}.png"
        _save_mask(mask, out / target)
        masks.append((image, finding, target))
        boxes.append((image, finding, *box_of(mask)))
    if phantom.tube is not None:
        target = f"masks/{phantom.name}__shortcut.png"
        _save_mask(phantom.tube, out / target)
        shortcuts.append((image, "Chest tube", target))
    habitus = phantom.habitus
    findings = "|".join(phantom.findings) or "No Finding"
    label = (image, findings, phantom.patient, habitus.age, habitus.sex, habitus.view, file)
    return _Written(label, tuple(boxes), tuple(masks), tuple(shortcuts))


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)


def write(
    out: Path, *, count: int, seed: int, start: int = 0, size: int = SIZE, workers: int = 1, progress: bool = True
) -> None:
    """Write phantoms `start` to `start + count - 1` of series `seed` to `out`.

    Writes images/ (8-bit grey PNG, size x size), labels.csv, boxes.csv (pixels), masks/ (1-bit PNG), masks.csv and
    shortcuts.csv. The tables are written last, so a folder with a labels.csv is complete.
    """
    if count < 1:
        raise UsageError(f"--count must be at least 1, not {count}.")
    if (out / "labels.csv").exists():
        raise PhantomError(f"{out} already holds phantoms; choose another folder or delete it.")
    (out / "images").mkdir(parents=True, exist_ok=True)
    (out / "masks").mkdir(exist_ok=True)
    one = partial(_write_one, seed=seed, size=size, out=out)
    indices = range(start, start + count)
    keep_memory()
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=keep_memory) as pool:
            results = pool.map(one, indices, chunksize=8)
            written = list(tqdm(results, total=count, desc="phantoms", unit="image", disable=not progress))
    else:
        written = [one(index) for index in tqdm(indices, desc="phantoms", unit="image", disable=not progress)]
    _write_table(out / "masks.csv", MASKS_HEADER, (row for item in written for row in item.masks))
    _write_table(out / "boxes.csv", BOXES_HEADER, (row for item in written for row in item.boxes))
    _write_table(out / "shortcuts.csv", SHORTCUTS_HEADER, (row for item in written for row in item.shortcuts))
    _write_table(out / "labels.csv", LABELS_HEADER, (item.label for item in written))


def main(argv: Sequence[str] | None = None) -> int:
    """Run `phantoms` with the given arguments."""
    parser = argparse.ArgumentParser(prog="python -m explainer phantoms", description=__doc__)
    parser.add_argument("--count", type=int, required=True, help="number of images")
    parser.add_argument("--seed", type=int, required=True, help="series; the same seed gives the same images")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--start", type=int, default=0, help="index of the first image in the series")
    parser.add_argument("--size", type=int, default=SIZE, help="pixels per side")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    args = parser.parse_args(argv)
    try:
        write(
            args.out,
            count=args.count,
            seed=args.seed,
            start=args.start,
            size=args.size,
            workers=args.workers,
            progress=not args.quiet,
        )
    except (PhantomError, UsageError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0
