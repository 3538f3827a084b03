"""Integrated gradients along the straight line from a constant image (Sundararajan et al. 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from explainer.batching import Batch, shrinking
from explainer.errors import SettingsError
from explainer.methods.base import absolute_maps, gradient_batch
from explainer.types import INTEGRATED_GRADIENTS

if TYPE_CHECKING:
    from explainer.classifiers import Classifier

#: Of a batch, one in so many places is another image, the others are more steps.
_IMAGES_SHARE = 8


@dataclass(frozen=True)
class IntegratedGradientsSettings:
    """How the integral is computed.

    `steps` of the quadrature; `baseline`, the grey value of the reference image on the classifier's scale (the paper's
    zero is mid-grey there).
    """

    steps: int = 100
    baseline: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError(f"Integrated gradients need at least one step, not {self.steps}.")
        if not math.isfinite(self.baseline):
            raise SettingsError(f"The baseline of integrated gradients must be a grey value, not {self.baseline}.")


def integrated_gradients(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: IntegratedGradientsSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`."""
    chosen, steps_at_once = settings or IntegratedGradientsSettings(), batch or gradient_batch(images)

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        def integral(count: int) -> Tensor:
            found: Tensor = IntegratedGradients(classifier).attribute(
                images,
                baselines=torch.full_like(images, chosen.baseline),
                target=targets,
                n_steps=chosen.steps,
                # captum counts in images x steps and needs room for one step of every image.
                internal_batch_size=max(count, images.shape[0]),
            )
            return found

        return shrinking(steps_at_once, integral)

    # captum lays out all steps of all its images before it begins, so it gets few images at a time.
    group = Batch(max(1, steps_at_once.images // _IMAGES_SHARE))
    return absolute_maps(INTEGRATED_GRADIENTS, attribution, classifier, images, targets, group)
