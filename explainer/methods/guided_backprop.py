"""Guided backpropagation: gradients that pass every ReLU only where they are positive (Springenberg et al. 2015).

The rectifiers are found in autograd's graph of the forward pass, where a ReLU is the same operation whether the network
has it as a module or calls it as a function, as torchvision's DenseNets do. Hooks on modules, as captum's, miss the
latter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from explainer.catalogue.method import NoSettings
from explainer.catalogue.methods.guided_backprop import METHOD
from explainer.errors import GuidedBackpropError
from explainer.methods.base import absolute_maps, not_differentiable, of_maps
from explainer.methods.graph import hiding, nodes_of

if TYPE_CHECKING:
    from torch.autograd.graph import Node

    from explainer.batching import Batch
    from explainer.classifiers import Classifier

_RELU = "ReluBackward"
#: Autograd's names of other rectifiers, for which the method is not defined.
_OTHERS = ("ThresholdBackward", "HardtanhBackward", "LeakyReluBackward", "PreluKernelBackward")


def guided_backprop(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: NoSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    Raises GuidedBackpropError for a network whose rectifiers are not all ReLUs, or that hides them.
    """
    del settings
    return absolute_maps(METHOD.key, _guided_gradient, classifier, images, targets, batch)


compute = of_maps(guided_backprop)


def _guided_gradient(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    if any(isinstance(module, torch.jit.ScriptModule) for module in classifier.modules()):
        raise _hidden(classifier, "is TorchScript")
    scores = classifier(images)
    if not scores.requires_grad:
        raise not_differentiable(classifier)
    hooks = [relu.register_prehook(_positive) for relu in _relus(classifier, scores)]
    try:
        # Each score depends on its own image only, so the sum's gradient holds every one's.
        (gradient,) = torch.autograd.grad(scores.gather(1, targets[:, None]).sum(), images)
    finally:
        for hook in hooks:
            hook.remove()
    return gradient


def _positive(gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
    """What a ReLU may pass on, of what arrives at it. Where its own input was negative, it passes nothing by itself."""
    return tuple(None if gradient is None else gradient.clamp(min=0) for gradient in gradients)


def _relus(classifier: Classifier, scores: Tensor) -> list[Node]:
    nodes = nodes_of(scores)
    if hidden := hiding(nodes):
        raise _hidden(classifier, f"is compiled or scripted in part ({', '.join(hidden)})")
    relus = [node for node in nodes if node.name().startswith(_RELU)]
    others = [node for node in nodes if node.name().startswith(_OTHERS)]
    if others:
        raise GuidedBackpropError(
            f"{len(others)} of the {len(relus) + len(others)} rectifiers of {classifier.id} are no ReLUs, for which "
            "guided backpropagation is not defined: use ReLUs, or leave this method out."
        )
    if not relus:
        raise GuidedBackpropError(
            f"{classifier.id} has no ReLU, so guided backpropagation would be the plain gradient: leave this method "
            "out, or use the input gradient."
        )
    return relus


def _hidden(classifier: Classifier, how: str) -> GuidedBackpropError:
    return GuidedBackpropError(
        f"{classifier.id} {how}, so that guided backpropagation cannot reach its ReLUs: give the plain network, or "
        "leave this method out."
    )
