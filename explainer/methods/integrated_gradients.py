"""Integrated gradients along the straight line from a constant image (Sundararajan et al. 2017)."""

from __future__ import annotations

import math
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

    `steps` of the Gauss-Legendre quadrature; `baseline`, the grey value of the reference image on the classifier's
    scale (the paper's zero is mid-grey there); `batch_size`, how many steps are computed together, which is what bounds
    memory however many images there are, and changes results by rounding only. Its default takes no more memory than
    the published code; 10 is a tenth faster on two cores and takes twice as much.
    """

    steps: int = 100
    baseline: float = 0.0
    batch_size: int = 4

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1:
            raise SettingsError("Integrated gradients need at least one step and a batch of at least one.")
        if not math.isfinite(self.baseline):
            raise SettingsError(f"baseline of integrated gradients must be a grey value, not {self.baseline:g}.")


def integrated_gradients(
    classifier: Classifier, images: Tensor, targets: Tensor, settings: IntegratedGradientsSettings | None = None
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`."""
    chosen = settings or IntegratedGradientsSettings()

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        return signed_integral(classifier, images, targets, chosen)

    return absolute_maps(INTEGRATED_GRADIENTS, attribution, classifier, images, targets)


def signed_integral(
    classifier: Classifier, images: Tensor, targets: Tensor, settings: IntegratedGradientsSettings
) -> Tensor:
    """Attributions (N, 1, H, W) whose sum over an image is f(image) - f(baseline), up to the quadrature's error."""
    integrator = IntegratedGradients(classifier)
    # One image at a time, since captum computes at least one step of all that it is given together; steps fill the
    # batch as well as images would, and an image has the same result to the last bit in any company.
    return torch.cat(
        [
            integrator.attribute(
                image,
                baselines=settings.baseline,
                target=target,
                n_steps=settings.steps,
                internal_batch_size=settings.batch_size,
            ).detach()
            for image, target in zip(torch.split(images, 1), torch.split(targets, 1), strict=True)
        ]
    )
