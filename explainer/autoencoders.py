"""Autoencoders by identifier, all with one interface: `encode` images in [-1024, 1024], `decode` latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explainer import xrv
from explainer.errors import InputError, UnknownModelError
from explainer.networks import ResNetAutoencoder
from explainer.weights import AUTOENCODER_FILE, Pair, find_pair, load_network, shipped_pairs

RESNET101_ELASTIC = "xrv-resnet101-elastic"
_IMAGE_DIMENSIONS = 4


class Autoencoder(nn.Module):
    """A frozen network with `encode` and `decode`; forward is their composition.

    Images are float32 (N, 1, `input_size`, `input_size`) in `input_range`; latents may have any shape (N, ...).
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
        self.network = network
        self.id = identifier
        self.input_size = input_size
        self.input_range = input_range
        self.weights_sha256 = weights_sha256
        # A third faster on the CPU.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks this form
        self.register_buffer("_place", torch.zeros(()), persistent=False)
        self.requires_grad_(requires_grad=False)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.get_buffer("_place").device

    def encode(self, x: Tensor) -> Tensor:
        """Latents of images. Raises InputError for images of another size."""
        if x.dim() != _IMAGE_DIMENSIONS or tuple(x.shape[1:]) != (1, self.input_size, self.input_size):
            size = self.input_size
            raise InputError(f"{self.id} takes images of shape (N, 1, {size}, {size}), not {tuple(x.shape)}.")
        z: Tensor = self.network.encode(x)  # type: ignore[operator]  # the wrapped network's method
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Images of latents; values may exceed `input_range` a little, since a clamp would cut gradients."""
        x: Tensor = self.network.decode(z)  # type: ignore[operator]  # the wrapped network's method
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def autoencoder_ids() -> tuple[str, ...]:
    """Identifiers that `load_autoencoder` knows, besides paths of pair folders."""
    return (*shipped_pairs(), RESNET101_ELASTIC)


def load_autoencoder(id_or_path: str, device: str = "cpu") -> Autoencoder:
    """Autoencoder by identifier (see `autoencoder_ids`) or path of a pair folder, ready for inference on `device`.

    Raises UnknownModelError for an unknown identifier and WeightsError if weights are absent, damaged or exchanged.
    """
    if id_or_path == RESNET101_ELASTIC:
        network, digest = xrv.load_resnet_autoencoder()
        return Autoencoder(network, identifier=id_or_path, weights_sha256=digest).to(device)
    try:
        pair = find_pair(id_or_path)
    except UnknownModelError as error:
        known = ", ".join(autoencoder_ids())
        raise UnknownModelError(
            f"There is no autoencoder '{id_or_path}'. Known: {known}, or the path of a pair folder."
        ) from error
    return _from_pair(pair).to(device)


def _from_pair(pair: Pair) -> Autoencoder:
    network, digest = load_network(pair, "autoencoder", AUTOENCODER_FILE, ResNetAutoencoder)
    low, high = pair.metadata["input_range"]
    return Autoencoder(
        network,
        identifier=pair.id,
        input_size=int(pair.metadata["input_size"]),
        input_range=(float(low), float(high)),
        weights_sha256=digest,
    )
