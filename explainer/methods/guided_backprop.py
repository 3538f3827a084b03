"""Guided backpropagation: gradients that pass every ReLU only where they are positive (Springenberg et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from captum.attr import GuidedBackprop
from torch import Tensor, nn

from explainer.errors import GuidedBackpropError, NoGradientError
from explainer.methods.base import absolute_maps
from explainer.types import GUIDED_BACKPROP

if TYPE_CHECKING:
    from explainer.batching import Batch
    from explainer.classifiers import Classifier

#: Autograd's names of rectifiers that a network could call as functions, which no hook on a module sees.
_RECTIFIERS = ("ReluBackward", "ThresholdBackward", "HardtanhBackward", "LeakyReluBackward", "PreluKernelBackward")


@dataclass(frozen=True)
class GuidedBackpropSettings:
    """There is nothing to set."""


def guided_backprop(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: GuidedBackpropSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    Raises GuidedBackpropError for a network whose rectifiers are not all `nn.ReLU` modules.
    """
    del settings

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        refuse_functional_rectifiers(classifier, images[:1])
        guided: Tensor = GuidedBackprop(classifier).attribute(images, target=targets)
        return guided

    return absolute_maps(GUIDED_BACKPROP, attribution, classifier, images, targets, batch)


def refuse_functional_rectifiers(classifier: Classifier, image: Tensor) -> None:
    """Raise GuidedBackpropError unless every rectifier that `image` passes is an `nn.ReLU` module."""
    passes = 0

    def count(_module: nn.Module, _inputs: object, _output: object) -> None:
        nonlocal passes
        passes += 1

    hooks = [module.register_forward_hook(count) for module in classifier.modules() if isinstance(module, nn.ReLU)]
    try:
        with torch.enable_grad():
            output = classifier(image)
    finally:
        for hook in hooks:
            hook.remove()
    if not output.requires_grad:
        raise NoGradientError(f"{classifier.id} is not differentiable with respect to its input.")
    rectifiers = _count_rectifiers(output)
    if rectifiers > passes:
        raise GuidedBackpropError(
            f"{classifier.id} applies {rectifiers - passes} of its {rectifiers} rectifiers as functions or as other "
            "layers than nn.ReLU, which guided backpropagation cannot reach: use nn.ReLU, or leave this method out."
        )
    if passes == 0:
        raise GuidedBackpropError(
            f"{classifier.id} has no ReLU, so guided backpropagation would be the plain gradient."
        )


def _count_rectifiers(output: Tensor) -> int:
    waiting, seen, found = [output.grad_fn], set(), 0
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found += node.name().startswith(_RECTIFIERS)
        waiting.extend(following for following, _ in node.next_functions)
    return found
