"""An autoencoder: `encode` images in its range, `decode` latents, whatever network is inside."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explainer.errors import InputError, ModelDescriptionError, PredictionError
from explainer.graphs import to_channels_last, wrapped

_IMAGE_DIMENSIONS = 4


class Autoencoder(nn.Module):
    """A frozen network with `encode` and `decode`; forward is their composition.

    Images are float32 (N, 1, `input_size`, `input_size`) in `input_range`; latents may have any shape (N, ...). The
    network is taken over: it is put into evaluation mode, and its weights are frozen. Raises InputError for images of
    another size, and PredictionError if the network decodes to anything but such images.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        identifier: str,
        input_size: int = 224,
        input_range: tuple[float, float] = (-1024.0, 1024.0),
        weights_sha256: str = "",
    ) -> None:
        super().__init__()
        if not all(callable(getattr(network, name, None)) for name in ("encode", "decode")):
            raise ModelDescriptionError(f"{identifier} needs a network with the methods `encode` and `decode`.")
        self.network = wrapped(network, identifier)
        self.id = identifier
        self.input_size = input_size
        self.input_range = input_range
        self.weights_sha256 = weights_sha256
        # A third faster on the CPU.
        to_channels_last(self.network)
        self.register_buffer("_place", torch.zeros(()), persistent=False)
        self.requires_grad_(requires_grad=False)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.get_buffer("_place").device

    def encode(self, x: Tensor) -> Tensor:
        """Latents of images. Raises InputError for images of another size."""
        if not self._is_image(x):
            size = self.input_size
            raise InputError(f"{self.id} takes images of shape (N, 1, {size}, {size}), not {tuple(x.shape)}.")
        z: Tensor = self.network.encode(x)  # type: ignore[operator]  # the wrapped network's method
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Images of latents; values may exceed `input_range` a little, since a clamp would cut gradients."""
        x: Tensor = self.network.decode(z)  # type: ignore[operator]  # the wrapped network's method
        if not self._is_image(x) or len(x) != len(z):
            size = self.input_size
            raise PredictionError(
                f"{self.id} decoded {len(z)} latents to {tuple(x.shape)} and not to images of {size} x {size} pixels."
            )
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def _is_image(self, x: Tensor) -> bool:
        return x.dim() == _IMAGE_DIMENSIONS and tuple(x.shape[1:]) == (1, self.input_size, self.input_size)


class _Resized(nn.Module):
    """An autoencoder of `own` pixels for images of `size` pixels.

    Bilinear in both directions, with a filter against aliasing where images become smaller; a larger image is plainly
    interpolated. Differentiable.
    """

    def __init__(self, network: nn.Module, own: int, size: int) -> None:
        super().__init__()
        self.network = network
        self.own = own
        self.size = size

    def encode(self, x: Tensor) -> Tensor:
        z: Tensor = self.network.encode(_resize(x, self.own))  # type: ignore[operator]  # the wrapped network's method
        return z

    def decode(self, z: Tensor) -> Tensor:
        return _resize(self.network.decode(z), self.size)  # type: ignore[operator]  # the wrapped network's method


def _resize(x: Tensor, size: int) -> Tensor:
    return nn.functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True)


def resized(autoencoder: Autoencoder, size: int) -> Autoencoder:
    """The same autoencoder for images of `size` pixels, with `@size` at the end of its identifier."""
    return Autoencoder(
        _Resized(autoencoder.network, autoencoder.input_size, size),
        identifier=f"{autoencoder.id}@{size}",
        input_size=size,
        input_range=autoencoder.input_range,
        weights_sha256=autoencoder.weights_sha256,
    ).to(autoencoder.device)
