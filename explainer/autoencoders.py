"""Autoencoders by identifier, all with one interface: `encode` images in [-1024, 1024], `decode` latents."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from explainer import own_models, xrv
from explainer.catalogue.models import RESIZED, autoencoder_pair
from explainer.descriptions import is_callable, is_description
from explainer.errors import InputError, ModelDescriptionError, PredictionError
from explainer.graphs import to_channels_last, wrapped
from explainer.networks import ResNetAutoencoder
from explainer.weights import AUTOENCODER_FILE, Pair, load_network, shipped_pairs

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
    )


def autoencoder_ids() -> tuple[str, ...]:
    """Identifiers that `load_autoencoder` knows, besides those of models that users bring."""
    return (*shipped_pairs(), *xrv.AUTOENCODERS)


def load_autoencoder(id_or_path: str, device: str = "cpu") -> Autoencoder:
    """Autoencoder by identifier, ready for inference on `device`.

    An identifier is one of `autoencoder_ids`, the path of a pair folder, the path of a description (`model.toml`), or
    `module:function` for a function that returns an Autoencoder; docs/models.md tells how to bring one of one's own.
    With `@SIZE` at its end, as in `xrv-vqgan-768-sd@224`, the autoencoder serves classifiers of that size: images are
    resized before `encode` and after `decode`.

    Raises UnknownModelError for an unknown identifier, WeightsError if weights are absent, damaged or exchanged,
    ModelDescriptionError for a model of one's own that is not as described, and CodeNotAllowedError for a function
    that may not be called here.
    """
    wanted = RESIZED.fullmatch(id_or_path)
    if wanted is not None and not Path(id_or_path).exists():
        return resized(load_autoencoder(wanted[1], device), int(wanted[2])).to(device)
    if id_or_path in xrv.AUTOENCODERS:
        network, size, digest = xrv.AUTOENCODERS[id_or_path]()
        autoencoder = Autoencoder(network, identifier=id_or_path, input_size=size, weights_sha256=digest)
    elif is_description(id_or_path):
        autoencoder = _from_description(Path(id_or_path), device)
    elif is_callable(id_or_path):
        autoencoder = _from_callable(id_or_path, device)
    else:
        autoencoder = _from_pair(autoencoder_pair(id_or_path))
    return autoencoder.to(device)


def _from_description(path: Path, device: str) -> Autoencoder:
    described = own_models.load_described(path, "autoencoder", device)
    autoencoder = Autoencoder(
        described.network,
        identifier=described.identifier,
        weights_sha256=described.weights_sha256,
        **described.settings,
    )
    return _tried(autoencoder.to(device))


def _from_callable(name: str, device: str) -> Autoencoder:
    autoencoder = own_models.call(name)
    if not isinstance(autoencoder, Autoencoder):
        raise ModelDescriptionError(f"{name} returned {type(autoencoder).__name__} and not an explainer.Autoencoder.")
    autoencoder.weights_sha256 = autoencoder.weights_sha256 or own_models.sha256_of_state(autoencoder.network)
    return _tried(autoencoder.to(device))


def _tried(autoencoder: Autoencoder) -> Autoencoder:
    images = own_models.trial_images(autoencoder.input_size, autoencoder.input_range, autoencoder.device)
    latents = own_models.check_batches(f"encode of {autoencoder.id}", autoencoder.network, autoencoder.encode, images)
    decoded = own_models.check_batches(f"decode of {autoencoder.id}", autoencoder.network, autoencoder.decode, latents)
    if not torch.isfinite(decoded).all():
        raise ModelDescriptionError(f"{autoencoder.id} decodes to NaN or infinity: its weights are damaged.")
    return autoencoder


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
