"""Grad-CAM: feature maps weighted by the mean gradient of the prediction to each (Selvaraju et al. 2017).

Without a name, the feature maps are the last through which all of the image's influence on the scores goes: a
bottleneck of autograd's graph that has an area and a convolution behind it. For DenseNets and ResNets that is what
their global pooling sees, also where the ReLU before it is called as a function and so is the output of no module. Of
an ensemble they are the last of each member.
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
        return _resized(_weighted_features(classifier, images, targets, chosen), images.shape[2:])

    return absolute_maps(METHOD.key, attribution, classifier, images, targets, batch)


compute = of_maps(grad_cam)


def _weighted_features(classifier: Classifier, images: Tensor, targets: Tensor, settings: GradCamSettings) -> Tensor:
    """The sum over all feature maps at the finest of their resolutions, float32 (N, 1, h, w)."""
    if settings.layer is None:
        features, scores = _last_features(classifier, images)
    else:
        features, scores = _named_features(classifier, images, settings.layer)
    gradients = torch.autograd.grad(scores.gather(1, targets[:, None]).sum(), features)
    parts = [_weighted(one, gradient) for one, gradient in zip(features, gradients, strict=True)]
    finest = max((part.shape[2:] for part in parts), key=lambda shape: shape[0] * shape[1])
    cam = torch.stack([_resized(part, finest) for part in parts]).sum(dim=0)
    if settings.evidence == "both":
        return cam
    if cam.any() and (cam.flatten(1).amax(dim=1) <= 0).any():
        raise NoGradientError(
            f"{METHOD.key} of {classifier.id} finds nothing that speaks for the prediction: set evidence to both, or "
            "leave this method out."
        )
    return cam.clamp(min=0)


def _weighted(features: Tensor, gradient: Tensor) -> Tensor:
    """Features (N, C, h, w) times their mean gradients, added up: float32 (N, 1, h, w)."""
    # Half precision holds neither small gradients nor large sums.
    features, gradient = features.detach().float(), gradient.float()
    return (gradient.mean(dim=(2, 3), keepdim=True) * features).sum(dim=1, keepdim=True)


def _resized(coarse: Tensor, size: Sequence[int]) -> Tensor:
    fine: Tensor = nn.functional.interpolate(coarse, size=list(size), mode="bilinear", align_corners=False)
    return fine


def _named_features(classifier: Classifier, images: Tensor, layer: str) -> tuple[list[Tensor], Tensor]:
    """Output of a module of the network, by its name there, and scores."""
    modules: Mapping[str, nn.Module] = dict(classifier.network.named_modules())
    if layer not in modules:
        near = difflib.get_close_matches(layer, modules, n=3) or [name for name in modules if name][-3:]
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
    return [output], scores


def _last_features(classifier: Classifier, images: Tensor) -> tuple[list[Tensor], Tensor]:
    """The last feature maps that all of the image's influence on the scores goes through, and scores.

    They are looked for with one image and without keeping any, so that memory is that of an ordinary pass.
    """
    first = images[:1].detach().clone().requires_grad_()
    with _Watch(1) as watch:
        scores = classifier(first)
    if not scores.requires_grad:
        raise not_differentiable(classifier)
    places = _places(nodes_of(scores), watch.made, first)
    if not places:
        hidden = " (it is compiled or scripted)" if hiding(nodes_of(scores)) or _scripted(classifier) else ""
        raise UnfitNetworkError(
            f"{classifier.id} has no convolution whose feature maps all of its prediction goes through{hidden}: name a "
            "layer that makes feature maps with the setting layer, or leave Grad-CAM out."
        )
    with _Watch(len(images), keep=places) as watch:
        scores = classifier(images)
    if len(watch.kept) < len(places):
        raise UnfitNetworkError(f"{classifier.id} computes other layers for one image than for several: name a layer.")
    return watch.kept, scores


class _Watch(TorchFunctionMode):
    """Counts the tensors (count, C, H, W) that are computed from the image, by a function or a module alike.

    `made`: the operation that made each -> its number. `kept`: those whose numbers are in `keep`.
    """

    def __init__(self, count: int, keep: Sequence[int] = ()) -> None:
        super().__init__()
        self.made: dict[Node, int] = {}
        self.kept: list[Tensor] = []
        self._count, self._keep, self._number = count, set(keep), 0

    def __torch_function__(
        self, func: Callable[..., Any], _types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor) and _is_spatial(result, self._count) and result.grad_fn is not None:
            if self._keep:
                self.kept += [result] if self._number in self._keep else []
            else:
                self.made[result.grad_fn] = self._number
            self._number += 1
        return result


def _places(nodes: Sequence[Node], made: Mapping[Node, int], image: Tensor) -> list[int]:
    """Numbers of the feature maps: the last that all ways go through, else the last of every way, if every way has one.

    The latter are those of the members of an ensemble.
    """
    leaf = next((node for node in reversed(nodes) if getattr(node, "variable", None) is image), None)
    behind = _behind(nodes, lambda node: _CONVOLUTION in node.name())
    features = {node for node in made if node in behind}
    shared = next((node for node in _bottlenecks(nodes, leaf) if node in features), None)
    if shared is not None:
        return [made[shared]]
    last: set[Node] = set()
    seen: set[Node] = set()
    waiting = [nodes[0]]
    while waiting:
        node = waiting.pop()
        if node in features:
            last.add(node)
        elif node is leaf:
            return []
        elif node not in seen:
            seen.add(node)
            waiting += [following for following, _ in node.next_functions if following is not None]
    return sorted(made[node] for node in last)


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


def _bottlenecks(nodes: Sequence[Node], leaf: Node | None) -> list[Node]:
    """The operations that are on every way from the scores to the image's own, the last first.

    Where all ways lead through one, as many lead to it from the scores, times from it to the images, as there are.
    """
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
