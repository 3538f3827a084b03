"""A model of somebody's own is tried before it is used, on two images: one that is not as described is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from explainer.errors import ExplainerError, ModelDescriptionError
from explainer.graphs import HOW_TO_EXPORT, Graph

if TYPE_CHECKING:
    from collections.abc import Callable

    from explainer.autoencoders import Autoencoder
    from explainer.classifiers import Classifier


def tried_classifier(classifier: Classifier) -> Classifier:
    """The classifier itself. Raises ModelDescriptionError if it cannot score."""
    _check_batches(classifier.id, classifier.network, classifier, _images(classifier))
    return classifier


def tried_autoencoder(autoencoder: Autoencoder) -> Autoencoder:
    """The autoencoder itself. Raises ModelDescriptionError if it cannot encode and decode."""
    latents = _check_batches(
        f"encode of {autoencoder.id}", autoencoder.network, autoencoder.encode, _images(autoencoder)
    )
    decoded = _check_batches(f"decode of {autoencoder.id}", autoencoder.network, autoencoder.decode, latents)
    if not torch.isfinite(decoded).all():
        raise ModelDescriptionError(f"{autoencoder.id} decodes to NaN or infinity: its weights are damaged.")
    return autoencoder


def _images(model: Classifier | Autoencoder) -> Tensor:
    """Two different images of noise."""
    low, high = model.input_range
    noise = torch.rand(2, 1, model.input_size, model.input_size, generator=torch.Generator().manual_seed(0))
    return (noise * (high - low) + low).to(model.device)


@torch.no_grad()
def _check_batches(name: str, network: nn.Module, function: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
    """Result of a network's `function` for two inputs.

    Raises ModelDescriptionError unless it takes one as well as two, and gives the same for an input alone, beside
    another and again.
    """
    try:
        together, again, alone = function(batch), function(batch), function(batch[:1])
    except (ExplainerError, RuntimeError, AssertionError, TypeError, ValueError, AttributeError, LookupError) as error:
        hint = f" {HOW_TO_EXPORT}." if isinstance(network, Graph) else ""
        raise ModelDescriptionError(
            f"{name} failed on a trial of one and of two inputs, {_shape(batch)}: {error}{hint}"
        ) from error
    scale = together.abs().mean().clamp(min=1e-6)
    for other, fault in (
        (again - together, "gives another result each time"),
        (alone - together[:1], "gives an image another result beside other images"),
    ):
        if bool(other.abs().mean() > 0.01 * scale):
            raise ModelDescriptionError(
                f"{name} {fault}: it seems to be in training mode. Call network.eval() before you export or return it."
            )
    return together


def _shape(batch: Tensor) -> str:
    return f"float32 (N, {', '.join(map(str, batch.shape[1:]))})"
