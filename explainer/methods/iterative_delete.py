"""Iterative delete: the gradient, again and again, while what it points at is removed (Bordes et al. 2018).

Appendix E of the paper: "removes the top first order gradients from the image and reprocesses the image iteratively".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor

from explainer.errors import SettingsError
from explainer.methods.base import absolute_maps, check_maps
from explainer.types import ITERATIVE_DELETE

if TYPE_CHECKING:
    from explainer.classifiers import Classifier

#: `delete`: what the paper's text says. `paper`: what its code did, which blanks every pixel but the top ones.
Variant = Literal["delete", "paper"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
_WHOLE = 100.0


@dataclass(frozen=True)
class IterativeDeleteSettings:
    """How much is deleted, and how often.

    `iterations`, gradients that are averaged; `percent` of the pixels deleted after each; `fill`, the grey value that
    they get, on the classifier's scale (0 is mid-grey there). `variant`: `delete` removes the pixels with the largest
    absolute gradient of those still there; `paper` is the published study's code, which keeps the pixels whose signed
    gradient is positive and in the top `percent`, and blanks the rest. `batch_size`, images computed together: more
    is faster, but what is deleted hangs on the last digits of a gradient, and those depend on the batch.
    """

    iterations: int = 20
    percent: float = 2.0
    fill: float = 0.0
    variant: Variant = "delete"
    batch_size: int = 1

    def __post_init__(self) -> None:
        if self.iterations < 1 or self.batch_size < 1:
            raise SettingsError("Iterative delete needs at least one iteration and a batch of at least one.")
        if not 0 < self.percent < _WHOLE:
            raise SettingsError(f"percent of iterative delete must be between 0 and 100, not {self.percent:g}.")
        if not math.isfinite(self.fill):
            raise SettingsError(f"fill of iterative delete must be a grey value, not {self.fill:g}.")
        if self.variant not in VARIANTS:
            raise SettingsError(
                f"There is no variant '{self.variant}' of iterative delete; choose one of {', '.join(VARIANTS)}."
            )


def iterative_delete(
    classifier: Classifier, images: Tensor, targets: Tensor, settings: IterativeDeleteSettings | None = None
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    A map is the absolute value of the mean gradient. Where the gradient vanishes once enough is deleted, what was
    gathered until then is the map; an image without any gradient at the start is refused.
    """
    chosen = settings or IterativeDeleteSettings()

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        size = chosen.batch_size
        groups = zip(torch.split(images, size), torch.split(targets, size), strict=True)
        return torch.cat([_mean_gradient(classifier, group, columns, chosen) for group, columns in groups])

    return absolute_maps(ITERATIVE_DELETE, attribution, classifier, images, targets)


def _mean_gradient(
    classifier: Classifier, images: Tensor, targets: Tensor, settings: IterativeDeleteSettings
) -> Tensor:
    image = images.detach()
    total = torch.zeros_like(image)
    there = torch.ones_like(image, dtype=torch.bool)
    for iteration in range(settings.iterations):
        gradient = _gradient(classifier, image, targets)
        if iteration == 0:
            check_maps(ITERATIVE_DELETE, classifier, gradient.abs().sum(dim=1))
        elif not gradient.any():
            break
        total += gradient
        if settings.variant == "paper":
            there = _positive_top(gradient, settings.percent)
        else:
            there = there & ~_largest(gradient.abs() * there, settings.percent)
        # The published code multiplies what is left of the image, so that a pixel once blanked stays so.
        image = torch.where(there, image, settings.fill)
    return total / settings.iterations


def _gradient(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    leaf = images.detach().requires_grad_()
    with torch.enable_grad():
        scores = classifier(leaf).gather(1, targets[:, None])
        # Each score depends on its own image only, so the sum's gradient holds every one's.
        (gradient,) = torch.autograd.grad(scores.sum(), leaf)
    return gradient


def _largest(values: Tensor, percent: float) -> Tensor:
    """The top `percent` of each image's pixels, rounded to whole pixels and at least one, of those above zero."""
    flat = values.flatten(1)
    count = max(1, round(flat.shape[1] * percent / _WHOLE))
    chosen = torch.zeros_like(flat, dtype=torch.bool).scatter_(1, flat.topk(count, dim=1).indices, value=True)
    return (chosen & (flat > 0)).reshape(values.shape)


def _positive_top(gradient: Tensor, percent: float) -> Tensor:
    """Pixels above zero and above the percentile of each image's signed gradient."""
    flat = gradient.flatten(1)
    threshold = flat.quantile(1 - percent / _WHOLE, dim=1, keepdim=True)
    return ((flat > threshold) & (flat > 0)).reshape(gradient.shape)
