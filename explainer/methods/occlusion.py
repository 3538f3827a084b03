"""Occlusion: the change of the prediction where a square of the image is covered (Zeiler and Fergus 2014).

A pixel has the mean change over all squares that cover it, as in captum's `Occlusion`.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from explainer.batching import Batch, Batches, in_batches
from explainer.catalogue.methods.occlusion import METHOD, OcclusionSettings
from explainer.methods.base import absolute_maps, of_maps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explainer.classifiers import Classifier

#: Rows and columns that a square covers.
_Square = tuple[slice, slice]


def occlusion(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: OcclusionSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    `batch` covered images go through the network together, one image after the other. No gradient is needed. Raises
    SettingsError for a square that is wider than the image, or leaves gaps.
    """
    chosen = settings or OcclusionSettings()
    at_once = batch or Batches.for_device(images.device, images.shape[-1]).forward

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        return mean_change(classifier, images, targets, chosen, at_once)

    return absolute_maps(METHOD.key, attribution, classifier, images, targets, Batch(1))


compute = of_maps(occlusion, gradient=False)


@torch.no_grad()
def mean_change(
    classifier: Classifier, image: Tensor, target: Tensor, settings: OcclusionSettings, batch: Batch
) -> Tensor:
    """By how much the prediction falls where a pixel is covered, float32 (1, 1, H, W); negative where it rises.

    Of one image (1, 1, H, W) and its target column (1,).
    """
    side = image.shape[-1]
    window, stride = settings.squares(side)
    places = [slice(start, start + window) for start in _starts(side, window, stride)]
    squares: list[_Square] = list(product(places, places))
    before = _scores(classifier, image, target).float()
    total, count = (torch.zeros(image.shape, device=image.device) for _ in range(2))
    for part, after in in_batches(
        len(squares), batch, lambda part: _scores(classifier, _covered(image, squares[part], settings.fill), target)
    ):
        for (rows, columns), change in zip(squares[part], before - after.float(), strict=True):
            total[..., rows, columns] += change
            count[..., rows, columns] += 1
    return total / count


def _starts(side: int, window: int, stride: int) -> range:
    """Where squares begin, until the last pixel is covered; the last square may reach beyond the edge."""
    return range(0, side - window + stride, stride)


def _covered(image: Tensor, squares: Sequence[_Square], fill: float) -> Tensor:
    covered = image.repeat(len(squares), 1, 1, 1)
    for index, (rows, columns) in enumerate(squares):
        covered[index, :, rows, columns] = fill
    return covered


def _scores(classifier: Classifier, images: Tensor, target: Tensor) -> Tensor:
    scores: Tensor = classifier(images)
    return scores[:, target[0]]
