"""Iterative delete: the gradient, again and again, while what it points at is removed (Bordes et al. 2018).

Appendix E of the paper: "removes the top first order gradients from the image and reprocesses the image iteratively".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from explainer.batching import Batch
from explainer.catalogue.methods.iterative_delete import METHOD, IterativeDeleteSettings
from explainer.methods.base import absolute_maps, check_maps, of_maps

if TYPE_CHECKING:
    from explainer.classifiers import Classifier

_WHOLE = 100.0


def iterative_delete(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: IterativeDeleteSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    A map is the absolute value of the mean gradient. Where the gradient vanishes once enough is deleted, what was
    gathered until then is the map; an image without any gradient at the start is refused.
    """
    chosen = settings or IterativeDeleteSettings()
    # What is deleted hangs on the last digits of a gradient, and those depend on the batch: each image has its own.
    del batch

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        return _mean_gradient(classifier, images, targets, chosen)

    return absolute_maps(METHOD.key, attribution, classifier, images, targets, Batch(1))


def _mean_gradient(
    classifier: Classifier, images: Tensor, targets: Tensor, settings: IterativeDeleteSettings
) -> Tensor:
    image = images.detach()
    total = torch.zeros_like(image)
    there = torch.ones_like(image, dtype=torch.bool)
    for iteration in range(settings.iterations):
        gradient = _gradient(classifier, image, targets)
        if iteration == 0:
            check_maps(METHOD.key, classifier, gradient.abs().sum(dim=1))
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


compute = of_maps(iterative_delete)
