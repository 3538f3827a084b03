"""Grad-CAM: feature maps weighted by the mean gradient of the prediction to each (Selvaraju et al. 2017).

Without a name, the feature maps are the last through which all of the image's influence on the scores goes: a
bottleneck of autograd's graph that has an area and a convolution behind it. For DenseNets and ResNets that is what
their global pooling sees, also where the ReLU before it is called as a function and so is the output of no module.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from explainer.catalogue.methods.grad_cam import METHOD, GradCamSettings
from explainer.errors import NoGradientError, SettingsError, UnfitNetworkError
from explainer.methods.base import absolute_maps, not_differentiable, of_maps
from explainer.methods.graph import hiding, nodes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch.autograd.graph import Node

    from explainer.batching import Batch
    from explainer.classifiers import Classifier

_CONVOLUTION = "Convolution"
_DIMENSIONS = 4


def grad_cam(
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    settings: GradCamSettings | None = None,
    *,
    batch: Batch | None = None,
) -> Tensor:
    """Maps float32 (N, H, W) for images (N, 1, H, W) and target columns (N,); errors as in `base.absolute_maps`.

    Raises UnfitNetworkError for a network without feature maps of a convolution that can be reached, SettingsError for
    a `layer` that it does not have, and NoGradientError where nothing speaks for the prediction.
    """
    chosen = settings or GradCamSettings()

    def attribution(classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
        coarse = _weighted_features(classifier, images, targets, chosen)
        fine: Tensor = nn.functional.interpolate(coarse, size=images.shape[2:], mode="bilinear", align_corners=False)
        return fine

    return absolute_maps(METHOD.key, attribution, classifier, images, targets, batch)


compute = of_maps(grad_cam)


def _weighted_features(classifier: Classifier, images: Tensor, targets: Tensor, settings: GradCamSettings) -> Tensor:
    """Float32 (N, 1, h, w) at the resolution of the feature maps."""
    watch = _last_features if settings.layer is None else _named_features
    features, scores = watch(classifier, images, settings.layer)
    (gradient,) = torch.autograd.grad(scores.gather(1, targets[:, None]).sum(), features)
    # Half precision holds neither small gradients nor large sums.
    features, gradient = features.detach().float(), gradient.float()
    cam = (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1, keepdim=True)
    if settings.evidence == "both":
        return cam
    if cam.any() and (cam.flatten(1).amax(dim=1) <= 0).any():
        raise NoGradientError(
            f"{METHOD.key} of {classifier.id} finds nothing that speaks for the prediction: set evidence to both, or "
            "leave this method out."
        )
    return cam.clamp(min=0)


def _named_features(classifier: Classifier, images: Tensor, layer: str | None) -> tuple[Tensor, Tensor]:
    """Output of a module of the network, by its name there, and scores."""
    modules: Mapping[str, nn.Module] = dict(classifier.network.named_modules())
    if not layer or layer not in modules:
        near = difflib.get_close_matches(str(layer), modules, n=3) or [name for name in modules if name][-3:]
        raise SettingsError(
            f"{classifier.id} has no layer '{layer}'; it has, for example, {', '.join(near) or 'none with a name'}."
        )
    seen: list[Any] = []
    hook = modules[layer].register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        scores = classifier(images)
    finally:
        hook.remove()
    output = seen[-1] if seen else None
    if not (isinstance(output, Tensor) and _is_spatial(output, len(images)) and output.requires_grad):
        raise UnfitNetworkError(
            f"Layer '{layer}' of {classifier.id} makes no feature maps (N, C, H, W) of the image: name another layer."
        )
    return output, scores


def _last_features(classifier: Classifier, images: Tensor, _layer: str | None) -> tuple[Tensor, Tensor]:
    """The last feature maps that all of the image's influence on the scores goes through, and scores."""
    with _Watch(len(images)) as watch:
        scores = classifier(images)
    if not scores.requires_grad:
        raise not_differentiable(classifier)
    nodes = nodes_of(scores)
    # A tensor that was changed in place since is what it has become.
    made = {tensor.grad_fn: tensor for tensor in watch.seen}
    convolved = _behind(nodes, lambda node: _CONVOLUTION in node.name())
    for node in _bottlenecks(nodes, images):
        if node in made and node in convolved:
            return made[node], scores
    hidden = " (it is compiled or scripted)" if hiding(nodes) or _scripted(classifier) else ""
    raise UnfitNetworkError(
        f"{classifier.id} has no convolution whose feature maps all of its prediction goes through{hidden}: name a "
        "layer that makes feature maps with the setting layer, or leave Grad-CAM out."
    )


class _Watch(TorchFunctionMode):
    """Keeps every tensor (count, C, H, W) that is computed from the image, by a function or a module alike."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.seen: list[Tensor] = []
        self._count = count

    def __torch_function__(
        self, func: Callable[..., Any], _types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and _is_spatial(result, self._count) and result.grad_fn is not None:
            self.seen.append(result)
        return result


def _is_spatial(tensor: Tensor, count: int) -> bool:
    """Whether this is one picture of several places for each of `count` images."""
    return tensor.dim() == _DIMENSIONS and len(tensor) == count and tensor.shape[2] * tensor.shape[3] > 1


def _scripted(classifier: Classifier) -> bool:
    return any(isinstance(module, torch.jit.ScriptModule) for module in classifier.modules())


def _behind(nodes: Sequence[Node], found: Callable[[Node], bool]) -> set[Node]:
    """The operations that are such a one, or that one leads to."""
    behind: set[Node] = set()
    for node in reversed(nodes):
        if found(node) or any(following in behind for following, _ in node.next_functions):
            behind.add(node)
    return behind


def _bottlenecks(nodes: Sequence[Node], images: Tensor) -> list[Node]:
    """The operations that are on every way from the scores to the images, the last first.

    Where all ways lead through one, as many lead to it from the scores, times from it to the images, as there are.
    """
    leaf = next((node for node in reversed(nodes) if getattr(node, "variable", None) is images), None)
    from_scores = dict.fromkeys(nodes, 0) | {nodes[0]: 1}
    for node in nodes:
        for following, _ in node.next_functions:
            if following is not None:
                from_scores[following] += from_scores[node]
    to_images = dict.fromkeys(nodes, 0)
    for node in reversed(nodes):
        onward = sum(to_images[following] for following, _ in node.next_functions if following is not None)
        to_images[node] = 1 if node is leaf else onward
    every = to_images[nodes[0]]
    return [node for node in nodes if every and from_scores[node] * to_images[node] == every]
