"""Integrated gradients along the straight line from a constant image (Sundararajan et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from captum.attr import IntegratedGradients
from torch import Tensor

from explainer.errors import SettingsError
from explainer.methods.base import absolute_maps
from explainer.types import INTEGRATED_GRADIENTS

if TYPE_CHECKING:
    from explainer.classifiers import Classifier


@dataclass(frozen=True)
class IntegratedGradientsSettings:
    """How the integral is computed.

    `steps` of the quadrature; `baseline`, the grey value of the reference image on the classifier's scale (the paper's
    zero is mid-grey there); `batch_size`, how many steps are computed together (memory, not results).
    """

    steps: int = 100
    baseline: float = 0.0
    batch_size: int = 10

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise SettingsError("Integrated gradients need at least one step and a batch of at least one.")


def integrated_gradients(
    classifier: Classifier, images: Tensor, targets: Tensor, settings: IntegratedGradientsSettings | None = None
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`."""
    chosen = settings or IntegratedGradientsSettings()

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        integral: Tensor = IntegratedGradients(classifier).attribute(
            images,
            baselines=torch.full_like(images, chosen.baseline),
            target=targets,
            n_steps=chosen.steps,
            # captum counts in images x steps and needs room for one step of every image.
            internal_batch_size=max(chosen.batch_size, images.shape[0]),
        )
        return integral

    return absolute_maps(INTEGRATED_GRADIENTS, attribution, classifier, images, targets)
