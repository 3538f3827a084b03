"""Input gradient: absolute gradient of the prediction with respect to the pixels (Simonyan et al. 2014)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from captum.attr import Saliency

from explainer.catalogue.method import NoSettings
from explainer.catalogue.methods.input_gradient import METHOD
from explainer.methods.base import absolute_maps, of_maps

if TYPE_CHECKING:
    from torch import Tensor

    from explainer.batching import Batch
    from explainer.classifiers import Classifier


def input_gradient(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: NoSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`."""
    del settings

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        gradient: Tensor = Saliency(classifier).attribute(images, target=targets, abs=True)
        return gradient

    return absolute_maps(METHOD.key, attribution, classifier, images, targets, batch)


compute = of_maps(input_gradient)
