"""What every method shares: what it is given and gives back, checked inputs, and a checked map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explainer.autoencoders import Autoencoder
from explainer.batching import Batch, Batches, in_batches
from explainer.catalogue.method import Method
from explainer.classifiers import IMAGE_DIMENSIONS, Classifier
from explainer.errors import (
    BlankImageError,
    DtypeError,
    InputError,
    NoGradientError,
    NotFiniteError,
    PredictionError,
    RangeError,
    ShapeError,
    TargetError,
)
from explainer.types import MethodResult

#: Resampling and reconstruction overshoot a little; an image on another scale ([0, 255], 16 bits) is off by far more.
_RANGE_MARGIN = 0.5

#: What is made absolute into a map: classifier, images (N, 1, H, W) that require gradients, targets -> (N, 1, H, W).
Attribution = Callable[[Classifier, Tensor, Tensor], Tensor]

#: Parts of what torch says where a gradient is asked for and there is none.
_NO_GRADIENT = ("does not require grad", "doesn't require grad", "not have been used in the graph")


@dataclass(frozen=True)
class Models:
    """The models that are explained, and how many images go through them together."""

    classifier: Classifier
    autoencoder: Autoencoder | None
    batches: Batches


#: Models, images (N, 1, H, W), target columns (N,) and the method's settings -> a result for each image.
Compute = Callable[[Models, Tensor, Tensor, Any], Sequence[MethodResult]]


@dataclass(frozen=True)
class ChosenMethod:
    """A method with its settings, ready to be computed."""

    info: Method
    settings: Any
    compute: Compute


def of_maps(maps: Callable[..., Tensor], *, gradient: bool = True) -> Compute:
    """As a method is called, a function of classifier, images, targets, settings and `batch` that returns (N, H, W).

    `gradient`: whether its passes keep activations for a gradient, which decides how many images go together.
    """

    def compute(models: Models, images: Tensor, targets: Tensor, settings: Any) -> list[MethodResult]:
        batch = models.batches.gradient if gradient else models.batches.forward
        made = maps(models.classifier, images, targets, settings, batch=batch)
        return [MethodResult(map=one) for one in made.float().cpu().numpy()]

    return compute


def check_fit(classifier: Classifier, autoencoder: Autoencoder) -> None:
    """Raise InputError unless the autoencoder's images are those that the classifier takes."""
    ours, theirs = (autoencoder.input_size, autoencoder.input_range), (classifier.input_size, classifier.input_range)
    if ours != theirs:
        advice = (
            f"add @{theirs[0]} to the autoencoder's identifier, which resizes its images, or choose another"
            if ours[1] == theirs[1]
            else "choose an autoencoder of the classifier's range"
        )
        raise InputError(
            f"{autoencoder.id} makes images of {ours[0]} px in {ours[1]}, but {classifier.id} takes {theirs[0]} px in "
            f"{theirs[1]}: {advice}."
        )


def absolute_maps(
    name: str,
    attribution: Attribution,
    classifier: Classifier,
    images: Tensor,
    targets: Tensor,
    batch: Batch | None = None,
) -> Tensor:
    """Absolute attribution of each image's target, float32 (N, H, W), `batch` images at a time.

    Raises InputError (as in `check_images`) or TargetError for unfit images or targets, PredictionError if the
    classifier returns NaN, and NoGradientError if a map would be blank.
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
    try:
        return attribution(classifier, leaf, targets).detach()
    except RuntimeError as error:
        if any(sign in str(error) for sign in _NO_GRADIENT):
            raise not_differentiable(classifier) from error
        raise


def not_differentiable(classifier: Classifier) -> NoGradientError:
    """What to raise where no gradient reaches the image at all."""
    return NoGradientError(
        f"{classifier.id} is not differentiable with respect to its input: somewhere its forward pass leaves torch, "
        "detaches a tensor or runs without gradients."
    )


def check_images(classifier: Classifier, images: Tensor) -> None:
    """Raise an InputError unless `images` can be explained: one batch, as precise as the classifier (float32
    unless it was converted), finite, on the scale, none blank.

    Each kind of misfit has its own type: ShapeError, DtypeError, NotFiniteError, RangeError, BlankImageError. A blank
    image can be scored, but a map of it would mean nothing.
    """
    size = classifier.input_size
    shape = tuple(images.shape)
    if images.dim() != IMAGE_DIMENSIONS or shape[1:] != (1, size, size) or not len(images):
        raise ShapeError(
            f"{classifier.id} takes images of shape (N, 1, {size}, {size}), not {shape}: load them with load_image."
        )
    wanted = classifier.operating_points.dtype
    if images.dtype != wanted:
        fit, other = (str(dtype).removeprefix("torch.") for dtype in (wanted, images.dtype))
        raise DtypeError(f"{classifier.id} takes {fit} images, not {other}: convert them.")
    if not torch.isfinite(images).all():
        raise NotFiniteError(f"Images for {classifier.id} must hold finite values, but these hold NaN or infinity.")
    (low, high), (least, most) = classifier.input_range, (float(images.min()), float(images.max()))
    margin = (high - low) * _RANGE_MARGIN
    if least < low - margin or most > high + margin:
        raise RangeError(
            f"{classifier.id} takes values in [{low:g}, {high:g}], not [{least:g}, {most:g}]: scale the images."
        )
    flat = images.flatten(1)
    blank = (flat.amax(dim=1) == flat.amin(dim=1)).nonzero().flatten().tolist()
    if blank:
        raise BlankImageError(
            f"Image {blank[0]} of {len(images)} is blank: every pixel is {float(flat[blank[0], 0]):g}, so there is "
            "nothing to explain."
        )


def check_targets(classifier: Classifier, images: Tensor, targets: Tensor) -> None:
    """Raise InputError or TargetError unless there is one column of the classifier for each fit image."""
    check_images(classifier, images)
    if targets.shape != (images.shape[0],) or targets.dtype != torch.long:
        raise InputError(f"{images.shape[0]} images need as many target columns (int64), not {tuple(targets.shape)}.")
    if targets.min() < 0 or targets.max() >= len(classifier.targets):
        raise TargetError(
            f"{classifier.id} has no target column {int(targets.min() if targets.min() < 0 else targets.max())}; its "
            f"columns are 0 to {len(classifier.targets) - 1}: {', '.join(classifier.targets)}."
        )


def check_maps(name: str, classifier: Classifier, maps: Tensor) -> None:
    """Raise unless every map (N, H, W) is finite and has something on it."""
    if not torch.isfinite(maps).all():
        raise PredictionError(
            f"{name} of {classifier.id} is not finite: the network returns NaN or infinity for this image."
        )
    if (maps.flatten(1).amax(dim=1) == 0).any():
        raise NoGradientError(
            f"{name} of {classifier.id} is zero everywhere: its prediction does not depend on this image, or is so "
            "near to 0 or 1 that no change of the image moves it."
        )
