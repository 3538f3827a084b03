"""The autoencoders that TorchXRayVision offers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from explainer.catalogue.models import released
from explainer.errors import DamagedWeightsError, UnfitWeightsError
from explainer.folding import fold_batch_norms
from explainer.sources.xrv.package import quiet_import
from explainer.sources.xrv.unpickling import load_checkpoint, load_state, load_tensors
from explainer.weights import find_released, verify_recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Networks with `encode` and `decode` for images in [-1024, 1024], their size and the SHA-256 of their weights.
Loaded = tuple[nn.Module, int, str]


def load_resnet_autoencoder() -> Loaded:
    """The paper's autoencoder (ResNetAE 101-elastic)."""
    path = find_released(released.MODELS["xrv-resnet101-elastic"].weights)
    digest = verify_recorded(path)
    network: nn.Module = quiet_import("torchxrayvision.autoencoders").ResNetAE101()
    load_state(network, load_tensors(path), path.name)
    for module in fold_batch_norms(network).modules():
        if isinstance(module, nn.ReLU):
            # What stands before each is a convolution or a sum, which need their output no more.
            module.inplace = True
    return network, 224, digest


class _VqganImages(nn.Module):
    """A VQGAN (Esser et al. 2021) for images of one channel in [-1024, 1024], as TorchXRayVision adapts it.

    `encode` gives the codes that are nearest to the image's latent. `decode` takes any latent, also between codes, as
    Latent Shift's are. TorchXRayVision clips decoded images to [-1024, 1024]; here they go on, since a pixel at the
    limit would have no gradient and so no part in the direction that Latent Shift follows.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def encode(self, x: Tensor) -> Tensor:
        codes: Tensor = self.network.encode((x / 1024).repeat(1, 3, 1, 1))[0]  # type: ignore[operator]  # its method
        return codes

    def decode(self, z: Tensor) -> Tensor:
        colours: Tensor = self.network.decode(z)  # type: ignore[operator]  # the wrapped network's method
        return colours[:, :1] * 1024


def load_vqgan(identifier: str) -> Loaded:
    """One of the two VQGANs of 768 px (Cohen, MIDRC XAI challenge)."""
    weights, described = (find_released(file.name) for file in released.MODELS[identifier].files)
    digest = verify_recorded(weights)
    verify_recorded(described)
    package = quiet_import("torchxrayvision.baseline_models.ieee8023")
    configuration = _read_configuration(package, described)
    try:
        network = package.VQModel(
            ddconfig=configuration["ddconfig"],
            n_embed=configuration["n_embed"],
            embed_dim=configuration["embed_dim"],
        )
        size = int(configuration["ddconfig"]["resolution"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DamagedWeightsError(
            f"{described.name} does not describe a VQGAN ({error!r}): delete it and get it again."
        ) from error
    saved = load_checkpoint(weights, weights.name)
    if not isinstance(saved.get("state_dict"), dict):
        raise UnfitWeightsError(f"{weights.name} is a checkpoint without weights, not the one that was released.")
    # What only training needed is left out: the loss and the discriminator.
    state = {key: value for key, value in saved["state_dict"].items() if not key.startswith("loss.")}
    load_state(network, state, weights.name)
    return _VqganImages(network), size, digest


def _read_configuration(package: Any, path: Path) -> dict[str, Any]:
    try:
        # The package's own reader of these files: there may be no YAML package here.
        parameters = vars(package)["_load_yaml"](path)["model"]["params"]
    except (KeyError, AttributeError, TypeError, ValueError, IndexError, OSError) as error:
        raise DamagedWeightsError(f"{path.name} cannot be read ({error!r}): delete it and get it again.") from error
    if not isinstance(parameters, dict):
        raise DamagedWeightsError(f"{path.name} describes no model: delete it and get it again.")
    return parameters


LOADERS: dict[str, Callable[[], Loaded]] = {
    "xrv-resnet101-elastic": load_resnet_autoencoder,
    **{identifier: partial(load_vqgan, identifier) for identifier in ("xrv-vqgan-768-sd", "xrv-vqgan-768-msdd")},
}
