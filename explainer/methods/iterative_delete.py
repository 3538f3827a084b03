"""Iterative delete: gradients of the image again and again, each time without what stood out before.

Bordes et al. 2018, Iteratively unveiling new regions of interest in deep learning models; Appendix E of the paper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from explainer.errors import SettingsError
from explainer.methods.base import absolute_maps
from explainer.types import ITERATIVE_DELETE

if TYPE_CHECKING:
    from explainer.batching import Batch
    from explainer.classifiers import Classifier

Variant = Literal["delete", "paper"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@dataclass(frozen=True)
class IterativeDeleteSettings:
    """What is taken away, and how often.

    Each of `iterations` rounds sets the `percent` of the pixels with the largest absolute gradients, of those that are
    left, to the grey value `fill` (on the classifier's scale, whose middle is 0). `variant="paper"` is what the
    published study's code does, for reproduction: it keeps the pixels whose gradient lies above the percentile and is
    positive, and sets all others to 0.
    """

    iterations: int = 20
    percent: float = 2.0
    fill: float = 0.0
    variant: Variant = "delete"

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise SettingsError(f"Iterative delete needs at least one iteration, not {self.iterations}.")
        if not 0 < self.percent < 100:  # percent
            raise SettingsError(f"percent of iterative delete must be above 0 and below 100, not {self.percent}.")
        if not math.isfinite(self.fill):
            raise SettingsError(f"fill of iterative delete must be a grey value, not {self.fill}.")
        if self.variant not in VARIANTS:
            raise SettingsError(f"There is no variant '{self.variant}'; choose one of {', '.join(VARIANTS)}.")


def iterative_delete(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: IterativeDeleteSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Absolute mean of the rounds' gradients, float32 (N, H, W), for images (N, 1, H, W) and target columns (N,).

    Errors as in `base.absolute_maps`.
    """
    chosen = settings or IterativeDeleteSettings()

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        total, left = torch.zeros_like(images), torch.ones_like(images, dtype=torch.bool)
        current = images
        for _ in range(chosen.iterations):
            gradient = _gradient(classifier, current, targets)
            total += gradient
            if chosen.variant == "paper":
                current = current.detach() * _kept_by_the_paper(gradient, chosen.percent)
            else:
                left &= ~_largest(gradient.abs(), left, chosen.percent)
                current = torch.where(left, images.detach(), chosen.fill)
        return total / chosen.iterations

    return absolute_maps(ITERATIVE_DELETE, attribution, classifier, images, targets, batch)


def _gradient(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    leaf = images.detach().requires_grad_()
    with torch.enable_grad():
        # Each prediction depends on its own image only, so the sum's gradient holds every one's.
        prediction = classifier(leaf).gather(1, targets[:, None]).sum()
        (gradient,) = torch.autograd.grad(prediction, leaf)
    return gradient


def _largest(strength: Tensor, left: Tensor, percent: float) -> Tensor:
    """The strongest `percent` of all pixels among those that are left, none without any gradient."""
    flat = torch.where(left, strength, 0).flatten(1)
    count = min(max(1, round(flat.shape[1] * percent / 100)), flat.shape[1])
    values, places = flat.topk(count, dim=1)
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, places, values > 0).reshape(strength.shape)


def _kept_by_the_paper(gradient: Tensor, percent: float) -> Tensor:
    flat = gradient.flatten(1)
    threshold = torch.quantile(flat, 1 - percent / 100, dim=1, keepdim=True)
    return ((flat > threshold) & (flat > 0)).reshape(gradient.shape)
