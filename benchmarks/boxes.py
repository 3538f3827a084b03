"""Do maps find what an expert boxed? IoU of each method beside chance and beside a disc in the middle of the picture.

    python -m benchmarks.boxes --labels CSV --boxes CSV --classifier nih-small --autoencoder nih-small

A map marks as many pixels as the boxes cover. Chance is a / (2 - a) for boxes that cover the share a of the picture;
the disc covers as much as the boxes and knows nothing of the image. Intervals: percentile bootstrap over images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.data.tables import read_table
from explainer import explain_many, load_classifier
from explainer.catalogue.findings import vocabulary
from explainer.catalogue.methods import METHODS
from explainer.iou import annotation_mask, map_iou
from explainer.types import Box, ExplanationRequest

RESAMPLES = 2000


def disc(size: int) -> NDArray[np.float32]:
    """A map that is the higher the nearer a pixel is to the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    found: NDArray[np.float32] = (size - np.hypot(x, y)).astype(np.float32)
    return found


def boxes_of(path: Path, targets: tuple[str, ...]) -> dict[tuple[str, str], tuple[Box, ...]]:
    """The boxes of each image and finding that the classifier predicts."""
    found: dict[tuple[str, str], tuple[Box, ...]] = {}
    names = vocabulary(targets)
    for row in read_table(path, required=("image", "finding", "x", "y", "width", "height")):
        target = names.name(row.required("finding"))
        if target in targets:
            key = (row.required("image"), target)
            x, y, width, height = (row.number(name) for name in ("x", "y", "width", "height"))
            found[key] = (*found.get(key, ()), Box(x=x, y=y, width=width, height=height))
    return found


def interval(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    means = values[rng.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("labels", "boxes"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("classifier", "autoencoder"):
        parser.add_argument(f"--{name}", required=True)
    args = parser.parse_args()
    classifier = load_classifier(args.classifier)
    table = read_table(args.labels, required=("image", "file"))
    files = {row.required("image"): args.labels.parent / row.required("file") for row in table}
    requests = [
        ExplanationRequest(
            image=files[image],
            target=target,
            classifier=args.classifier,
            autoencoder=args.autoencoder,
            annotations=boxes,
        )
        for (image, target), boxes in boxes_of(args.boxes, classifier.targets).items()
        if image in files
    ]
    ious: dict[str, list[float]] = {}
    middle = disc(classifier.input_size)
    for request, explanation in explain_many(requests):
        mask = annotation_mask(request.annotations, explanation.provenance.geometry, classifier.input_size)
        area = float(mask.mean())
        for name, iou in {**explanation.ious, "chance": area / (2 - area), "disc": map_iou(middle, mask)}.items():
            ious.setdefault(name, []).append(iou)
    rng = np.random.default_rng(0)
    print(f"| {len(ious['disc'])} images and findings | mean IoU | 95% interval |\n| --- | ---: | ---: |")
    for name in (*METHODS, "chance", "disc"):
        values = np.array(ious[name])
        low, high = interval(values, rng)
        print(f"| {name} | {values.mean():.3f} | {low:.3f} to {high:.3f} |")


if __name__ == "__main__":
    main()
