"""What every method shares: checked inputs, a checked map, and settings made from plain dictionaries."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor

from explainer.batching import Batch, Batches, in_batches
from explainer.classifiers import Classifier
from explainer.errors import InputError, NoGradientError, PredictionError, SettingsError

S = TypeVar("S")

#: A traditional method: classifier, images (N, 1, H, W) that require gradients, target columns (N,) -> (N, 1, H, W).
Attribution = Callable[[Classifier, Tensor, Tensor], Tensor]

#: Type of a setting's default -> types that the setting takes, in words.
_TYPES: dict[type, tuple[tuple[type, ...], str]] = {
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "a name"),
    type(None): ((int, float, type(None)), "a number"),
}


def absolute_maps(
    name: str,
    attribution: Attribution,
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    batch: Batch | None = None,
) -> Tensor:
    """Absolute attribution of each image's target, float32 (N, H, W), `batch` images at a time.

    Raises InputError for unfit images or targets, PredictionError if the classifier returns NaN, and NoGradientError
    if a map would be blank.
    """
    check_targets(classifier, images, targets)
    parts = in_batches(
        len(images),
        batch or gradient_batch(images),
        lambda part: _attributed(attribution, classifier, images[part], targets[part]),
    )
    maps = torch.cat([attributed.abs().sum(dim=1) for _, attributed in parts])
    check_maps(name, classifier, maps)
    return maps


def gradient_batch(images: Tensor) -> Batch:
    """How many images (N, 1, H, W) suit a pass with gradients on their device."""
    return Batches.for_device(images.device, images.shape[-1]).gradient


def _attributed(attribution: Attribution, classifier: Classifier, images: Tensor, targets: Tensor) -> Tensor:
    # A leaf of our own: neither the caller's tensor nor its `requires_grad` is touched, also when the method fails.
    leaf = images.detach().clone().requires_grad_()
    with quiet_captum():
        try:
            return attribution(classifier, leaf, targets).detach()
        except RuntimeError as error:
            if "does not require grad" in str(error) or "not have been used in the graph" in str(error):
                raise NoGradientError(f"{classifier.id} is not differentiable with respect to its input.") from error
            raise


def check_targets(classifier: Classifier, images: Tensor, targets: Tensor) -> None:
    """Raise InputError unless there is one column of the classifier for each fit image."""
    classifier.check_input(images)
    if targets.shape != (images.shape[0],) or targets.dtype != torch.long:
        raise InputError(f"{images.shape[0]} images need as many target columns (int64), not {tuple(targets.shape)}.")
    if targets.min() < 0 or targets.max() >= len(classifier.targets):
        raise InputError(f"Target columns of {classifier.id} are 0 to {len(classifier.targets) - 1}.")


def check_maps(name: str, classifier: Classifier, maps: Tensor) -> None:
    """Raise unless every map (N, H, W) is finite and has something on it."""
    if not torch.isfinite(maps).all():
        raise PredictionError(
            f"{name} of {classifier.id} is not finite: the network returns NaN or infinity for this image."
        )
    if (maps.flatten(1).amax(dim=1) == 0).any():
        raise NoGradientError(
            f"{name} of {classifier.id} is zero everywhere: its prediction does not depend on this image."
        )


@contextmanager
def quiet_captum() -> Iterator[None]:
    """Silence captum's announcement that it sets and removes hooks; nothing else."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU activations")
        yield


def settings_from(kind: type[S], values: Mapping[str, Any], *, method: str) -> S:
    """Settings dataclass from a plain mapping. Raises SettingsError for an unknown name or a value of another type."""
    if not isinstance(values, Mapping):
        raise SettingsError(f"The settings of {method} must be a table of names and values, not {values!r}.")
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # all are
    unknown = [name for name in values if name not in defaults]
    if unknown:
        raise SettingsError(f"{method} has no setting {', '.join(unknown)}; it has {', '.join(defaults) or 'none'}.")
    for name, value in values.items():
        types, described = _TYPES[type(defaults[name])]
        if not isinstance(value, types) or isinstance(value, bool):
            raise SettingsError(f"{name} of {method} must be {described}, not {value!r}.")
    return kind(**values)
