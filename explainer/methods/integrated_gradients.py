"""Integrated gradients along the straight line from a constant image (Sundararajan et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captum.attr import IntegratedGradients
from torch import Tensor

from explainer.batching import Batch, shrinking
from explainer.catalogue.methods.integrated_gradients import METHOD, IntegratedGradientsSettings
from explainer.methods.base import absolute_maps, gradient_batch, of_maps

if TYPE_CHECKING:
    from explainer.classifiers import Classifier


def integrated_gradients(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: IntegratedGradientsSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    `batch` steps of one image at a time: steps fill a batch as well as images would, and captum lays out all steps of
    all images that it is given before it begins.
    """
    chosen, at_once = settings or IntegratedGradientsSettings(), batch or gradient_batch(images)

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        return shrinking(at_once, lambda count: signed_integral(classifier, images, targets, chosen, count))

    return absolute_maps(METHOD.key, attribution, classifier, images, targets, Batch(1))


def signed_integral(
    classifier: Classifier, image: Tensor, target: Tensor, settings: IntegratedGradientsSettings, at_once: int
) -> Tensor:
    """Attributions (1, 1, H, W) whose sum is f(image) - f(baseline), up to the quadrature's error.

    Of one image (1, 1, H, W) and its target column (1,); `at_once` steps go through the network together.
    """
    integral: Tensor = IntegratedGradients(classifier).attribute(
        image, baselines=settings.baseline, target=target, n_steps=settings.steps, internal_batch_size=at_once
    )
    return integral.detach()


compute = of_maps(integrated_gradients)
