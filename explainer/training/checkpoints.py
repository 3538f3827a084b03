"""Weights on disk: one safetensors file with the network's keyword arguments and its training record as metadata."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from explainer.catalogue.models.pairs import AUTOENCODER_FILE, CLASSIFIER_FILE
from explainer.errors import WeightsError
from explainer.networks import ResNetAutoencoder, SmallDenseNet
from explainer.weights import sha256_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

__all__ = ["AUTOENCODER_FILE", "CLASSIFIER_FILE", "Checkpoint", "read", "read_autoencoder", "read_classifier", "save"]


@dataclass(frozen=True)
class Checkpoint:
    """What a weights file holds: `architecture` are the network's keyword arguments, `training` how it was made."""

    state: dict[str, Tensor]
    architecture: dict[str, Any]
    training: dict[str, Any]
    sha256: str


def save(network: nn.Module, path: Path, *, architecture: dict[str, Any], training: dict[str, Any]) -> None:
    """Write the weights; the file appears whole or not at all, so a run may be stopped at any time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    metadata = {"architecture": json.dumps(architecture), "training": json.dumps(training)}
    partial = path.with_suffix(".partial")
    save_file(state, partial, metadata=metadata)
    partial.replace(path)


def read(path: Path) -> Checkpoint:
    """Read a weights file that `save` wrote; `path` is that of a classifier or of an autoencoder."""
    if not path.is_file():
        raise WeightsError(f"{path} does not exist. Train it first: python -m explainer train --help")
    try:
        with safe_open(path, framework="pt") as stream:
            metadata = stream.metadata() or {}
            state = {name: stream.get_tensor(name) for name in list(stream.keys())}
    except SafetensorError as error:
        raise WeightsError(f"{path} is not a readable safetensors file: {error}") from error
    if "architecture" not in metadata:
        raise WeightsError(f"{path} has no architecture in its metadata; it was not written by this project.")
    training = json.loads(metadata.get("training", "{}"))
    return Checkpoint(state, json.loads(metadata["architecture"]), training, sha256_of(path))


def read_classifier(folder: Path) -> tuple[SmallDenseNet, Checkpoint]:
    """The classifier in `folder`, in evaluation mode."""
    checkpoint = read(folder / CLASSIFIER_FILE)
    network = SmallDenseNet(**checkpoint.architecture)
    network.load_state_dict(checkpoint.state)
    return network.eval(), checkpoint


def read_autoencoder(folder: Path) -> tuple[ResNetAutoencoder, Checkpoint]:
    """The autoencoder in `folder`, in evaluation mode."""
    checkpoint = read(folder / AUTOENCODER_FILE)
    network = ResNetAutoencoder(**checkpoint.architecture)
    network.load_state_dict(checkpoint.state)
    return network.eval(), checkpoint
