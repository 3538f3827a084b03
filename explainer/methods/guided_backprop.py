"""Guided backpropagation: gradients that pass every ReLU only where they are positive (Springenberg et al. 2015)."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from captum.attr import GuidedBackprop
from torch import Tensor, nn

from explainer.catalogue.method import NoSettings
from explainer.catalogue.methods.guided_backprop import METHOD
from explainer.errors import GuidedBackpropError
from explainer.methods.base import absolute_maps, not_differentiable, of_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch.autograd.graph import Node

    from explainer.batching import Batch
    from explainer.classifiers import Classifier

#: Autograd's names of rectifiers that a network could call as functions, which no hook on a module sees.
_RECTIFIERS = ("ReluBackward", "ThresholdBackward", "HardtanhBackward", "LeakyReluBackward", "PreluKernelBackward")
#: Parts of autograd's names of operations that hold others inside: TorchScript's and torch.compile's.
_HIDING = ("DifferentiableGraph", "CompiledFunction")


def guided_backprop(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: NoSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    Raises GuidedBackpropError for a network whose rectifiers are not all `nn.ReLU` modules, or that hides them.
    """
    del settings

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        with every_rectifier_reached(classifier):
            guided: Tensor = GuidedBackprop(classifier).attribute(images, target=targets)
        return guided

    return absolute_maps(METHOD.key, attribution, classifier, images, targets, batch)


@contextmanager
def every_rectifier_reached(classifier: Classifier) -> Iterator[None]:
    """Watch the classifier's forward pass: GuidedBackpropError if a rectifier is not an `nn.ReLU` module of its own.

    Also gives each ReLU a view of its input that nothing else reads. captum rectifies the gradient of a ReLU's input as
    a whole; where a skip connection reads the same tensor, its part of the gradient must stay as it is.
    """
    scripted = [module for module in classifier.modules() if isinstance(module, torch.jit.ScriptModule)]
    if scripted:
        raise _hidden(classifier, "is TorchScript")
    reached: set[Node] = set()

    def view(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # captum's hooks need a gradient even where none can come from the image.
        return tuple(
            value.view_as(value) if value.requires_grad else value.detach().requires_grad_() for value in inputs
        )

    def reach(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        if output.grad_fn is not None:
            reached.add(output.grad_fn)

    def check(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        if not output.requires_grad:
            raise not_differentiable(classifier)
        _refuse_unreached(classifier, output, reached)

    rectifiers = [module for module in classifier.modules() if isinstance(module, nn.ReLU)]
    hooks = [classifier.register_forward_hook(check)]
    hooks += [module.register_forward_pre_hook(view) for module in rectifiers]
    hooks += [module.register_forward_hook(reach) for module in rectifiers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _refuse_unreached(classifier: Classifier, output: Tensor, reached: set[Node]) -> None:
    nodes = _graph(output)
    hiding = sorted({node.name() for node in nodes if any(part in node.name() for part in _HIDING)})
    if hiding:
        raise _hidden(classifier, f"is compiled or scripted in part ({', '.join(hiding)})")
    rectifiers = {node for node in nodes if node.name().startswith(_RECTIFIERS)}
    beyond = len(rectifiers - reached)
    if beyond:
        raise GuidedBackpropError(
            f"{classifier.id} applies {beyond} of its {len(rectifiers)} rectifiers as functions or as other "
            "layers than nn.ReLU, which guided backpropagation cannot reach: use nn.ReLU, or leave this method out."
        )
    if not rectifiers:
        raise GuidedBackpropError(
            f"{classifier.id} has no ReLU, so guided backpropagation would be the plain gradient: leave this method "
            "out, or use the input gradient."
        )


def _hidden(classifier: Classifier, how: str) -> GuidedBackpropError:
    return GuidedBackpropError(
        f"{classifier.id} {how}, so that guided backpropagation cannot reach its ReLUs: give the plain network with "
        "nn.ReLU modules, or leave this method out."
    )


def _graph(output: Tensor) -> set[Node]:
    """Every operation that led from the leaves to `output`."""
    waiting = [output.grad_fn]
    seen: set[Node] = set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(following for following, _ in node.next_functions)
    return seen


compute = of_maps(guided_backprop)
