"""How much of each method's map falls on the true finding, and how much on a shortcut that was planted beside it.

Phantoms have exact masks of both (`explainer.phantoms`): a chest tube goes with most pneumothoraces, so a classifier
may follow the tube instead of the air. The share of a map's total mass inside a region is set beside the region's
share of the image, which is what a uniform map would give.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from explainer.catalogue.methods import METHODS
from explainer.devices import choose_device
from explainer.errors import EvaluationError, ImageError, NoGradientError, PredictionError, UsageError
from explainer.images import crop_and_resize
from explainer.iou import map_iou
from explainer.loaded import classifier_of_process
from explainer.phantoms import draw
from explainer.run import explain
from explainer.types import ExplanationRequest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from explainer.phantoms import Phantom
    from explainer.rendering import BoolMap
    from explainer.types import Explanation, FloatMap

#: The finding that the chest tube is planted beside.
TARGET = "Pneumothorax"
BOTH, FINDING_ONLY, SHORTCUT_ONLY = "finding and shortcut", "finding only", "shortcut only"
GROUPS = (BOTH, FINDING_ONLY, SHORTCUT_ONLY)
RESAMPLES = 2000
_HALF = 0.5
_LEVEL = 95.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One map of one phantom; a region that the phantom lacks has None.

    `*_share` of the map's mass, `*_area` of the image's pixels, `*_iou` with as many of the map's largest pixels as
    the region has. Pixels of the finding that the shortcut covers count as shortcut only.
    """

    image: str
    target: str
    group: str
    method: str
    prediction: float
    finding_share: float | None
    finding_area: float | None
    finding_iou: float | None
    shortcut_share: float | None
    shortcut_area: float | None
    shortcut_iou: float | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """Means over the images of a group; `*_low` and `*_high` bound the mean's 95% percentile bootstrap interval."""

    target: str
    group: str
    method: str
    images: int
    prediction: float
    finding_share: float | None
    finding_share_low: float | None
    finding_share_high: float | None
    finding_area: float | None
    finding_iou: float | None
    shortcut_share: float | None
    shortcut_share_low: float | None
    shortcut_share_high: float | None
    shortcut_area: float | None
    shortcut_iou: float | None


def measure(
    *,
    pair: str,
    count: int,
    seed: int,
    targets: Sequence[str] = (TARGET,),
    methods: Sequence[str] = tuple(METHODS),
    device: str = "auto",
    progress: bool = True,
    on_error: Callable[[str, Exception], None] | None = None,
) -> list[Measured]:
    """Every map of those of the first `count` phantoms of series `seed` that have a target or the shortcut.

    `pair` is a classifier's and autoencoder's common identifier or folder. A map that cannot be had (NoGradientError,
    PredictionError) is handed to `on_error` and left out; without it the error is raised.
    """
    classifier = classifier_of_process(pair, choose_device(device))
    for target in targets:
        classifier.index(target)
    found: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        for index in tqdm(range(count), desc="phantoms", unit="image", disable=not progress):
            phantom = draw(seed, index)
            wanted = [target for target in targets if target in phantom.masks or phantom.tube is not None]
            path = Path(folder) / f"{phantom.name}.png"
            if wanted:
                Image.fromarray(phantom.pixels).save(path, compress_level=1)
            for target, method in ((target, method) for target in wanted for method in methods):
                request = ExplanationRequest(
                    image=path, target=target, classifier=pair, autoencoder=pair, methods=(method,), device=device
                )
                try:
                    explanation = explain(request)
                except (ImageError, NoGradientError, PredictionError) as error:
                    if on_error is None:
                        raise
                    on_error(f"{phantom.name}, {target}, {method}", error)
                else:
                    found.append(_measured(phantom, explanation, method))
            path.unlink(missing_ok=True)
    return found


def _measured(phantom: Phantom, explanation: Explanation, method: str) -> Measured:
    values, target = explanation.maps[method], explanation.provenance.target

    def resized(mask: BoolMap | None) -> BoolMap | None:
        return None if mask is None else crop_and_resize(mask, explanation.provenance.geometry, len(values)) >= _HALF

    shortcut, finding = resized(phantom.tube), resized(phantom.masks.get(target))
    if shortcut is not None and finding is not None:
        finding &= ~shortcut
    return Measured(
        image=phantom.name,
        target=target,
        group=SHORTCUT_ONLY if finding is None else FINDING_ONLY if shortcut is None else BOTH,
        method=method,
        prediction=explanation.scores[target],
        **_region("finding", values, finding),
        **_region("shortcut", values, shortcut),
    )


def _region(name: str, values: FloatMap, mask: BoolMap | None) -> dict[str, float | None]:
    if mask is None or not mask.any():
        return {f"{name}_share": None, f"{name}_area": None, f"{name}_iou": None}
    return {
        f"{name}_share": mass_share(values, mask),
        f"{name}_area": float(mask.mean()),
        f"{name}_iou": map_iou(values, mask),
    }


def mass_share(values: FloatMap, mask: BoolMap) -> float:
    """Share of a map's sum (non-negative, not all zero) that lies inside a mask of its shape."""
    return float(values[mask].sum(dtype=np.float64) / values.sum(dtype=np.float64))


def summarise(measured: Sequence[Measured], *, seed: int, resamples: int = RESAMPLES) -> list[Row]:
    """One row per target, group and method, in that order; the same seed gives the same intervals."""
    cells: dict[tuple[str, str, str], list[Measured]] = {}
    for one in sorted(measured, key=lambda one: GROUPS.index(one.group)):
        cells.setdefault((one.target, one.group, one.method), []).append(one)
    rows = []
    for (target, group, method), members in cells.items():
        row: dict[str, float | None] = {}
        for region in ("finding", "shortcut"):
            for measure_name in ("share", "area", "iou"):
                name = f"{region}_{measure_name}"
                row[name] = _mean(getattr(one, name) for one in members)
            shares = [getattr(one, f"{region}_share") for one in members]
            row[f"{region}_share_low"], row[f"{region}_share_high"] = _interval(shares, seed, resamples)
        prediction = float(np.mean([one.prediction for one in members]))
        rows.append(Row(target=target, group=group, method=method, images=len(members), prediction=prediction, **row))
    return rows


def _known(values: Iterable[float | None]) -> NDArray[np.float64]:
    return np.array([value for value in values if value is not None], dtype=np.float64)


def _mean(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return float(known.mean()) if known.size else None


def _interval(values: Iterable[float | None], seed: int, resamples: int) -> tuple[float | None, float | None]:
    """Percentile bootstrap of the mean over images; None for fewer than two."""
    known = _known(values)
    if known.size < 2:  # one image says nothing about the spread
        return None, None
    rng = np.random.default_rng(seed)
    means = known[rng.integers(0, known.size, (resamples, known.size))].mean(axis=1)
    low, high = np.percentile(means, [(100 - _LEVEL) / 2, (100 + _LEVEL) / 2])
    return float(low), float(high)


def markdown(rows: Sequence[Row]) -> str:
    """The rows as one table per target and group."""
    lines: list[str] = []
    for target, group in dict.fromkeys((row.target, row.group) for row in rows):
        chosen = [row for row in rows if (row.target, row.group) == (target, group)]
        first = chosen[0]
        areas = f"area of the finding {_percent(first.finding_area)}, of the shortcut {_percent(first.shortcut_area)}"
        lines += [
            f"**{target}: {group}** ({first.images} images, mean score {first.prediction:.2f}; {areas})",
            "",
            "| method | on the finding | x area | on the shortcut | x area | IoU finding | IoU shortcut |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        lines += [_line(row) for row in chosen]
        lines.append("")
    return "\n".join(lines)


def _line(row: Row) -> str:
    cells = [
        row.method,
        _share(row.finding_share, row.finding_share_low, row.finding_share_high),
        _times(row.finding_share, row.finding_area),
        _share(row.shortcut_share, row.shortcut_share_low, row.shortcut_share_high),
        _times(row.shortcut_share, row.shortcut_area),
        _number(row.finding_iou),
        _number(row.shortcut_iou),
    ]
    return f"| {' | '.join(cells)} |"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _share(mean: float | None, low: float | None, high: float | None) -> str:
    interval = "" if low is None or high is None else f" ({low:.1%} to {high:.1%})"
    return _percent(mean) + interval


def _times(share: float | None, area: float | None) -> str:
    return "–" if share is None or not area else f"{share / area:.1f}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `evaluate shortcut`."""
    parser.add_argument("--pair", default="phantom-small", metavar="ID", help="identifier, or folder of a pair")
    parser.add_argument("--count", type=int, required=True, help="number of phantoms to draw")
    parser.add_argument("--seed", type=int, required=True, help="series of the phantoms, and of the bootstrap")
    parser.add_argument("--targets", default=TARGET, help=f"names separated by commas (default: {TARGET})")
    parser.add_argument("--method", action="append", choices=METHODS, help="default: all; may be given several times")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Measure, write shortcut.csv, shortcut.json and shortcut.md, and print the table; 1 if maps had to be left out."""
    if args.count < 1 or args.seed < 0:
        raise UsageError("--count must be at least 1 and --seed at least 0.")
    failed: list[str] = []

    def report(what: str, error: Exception) -> None:
        tqdm.write(f"error: {what}: {error}", file=sys.stderr)
        failed.append(what)

    measured = measure(
        pair=args.pair,
        count=args.count,
        seed=args.seed,
        targets=tuple(dict.fromkeys(name.strip() for name in args.targets.split(","))),
        methods=tuple(method for method in METHODS if not args.method or method in args.method),
        device=args.device,
        progress=not args.quiet,
        on_error=report,
    )
    if not measured:
        raise EvaluationError(
            f"None of the {args.count} phantoms has {args.targets} or the shortcut and a map: draw more with --count."
        )
    rows = summarise(measured, seed=args.seed)
    classifier = classifier_of_process(args.pair, choose_device(args.device))
    provenance = {
        "command": args.command_line,
        "pair": classifier.id,
        "classifier_sha256": classifier.weights_sha256,
        "resamples": RESAMPLES,
        "left_out": failed,
    }
    args.out.mkdir(parents=True, exist_ok=True)
    with (args.out / "shortcut.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=[field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    content = {
        "rows": [asdict(row) for row in rows],
        "images": [asdict(one) for one in measured],
        "provenance": provenance,
    }
    (args.out / "shortcut.json").write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    table = markdown(rows)
    (args.out / "shortcut.md").write_text(table, encoding="utf-8")
    print(table)
    return 1 if failed else 0
