"""The models of a pair folder: the project's own small networks, shipped with it or trained by somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from explainer.autoencoders import Autoencoder
from explainer.catalogue.models.pairs import AUTOENCODER_FILE, CLASSIFIER_FILE, PAIRS, Pair, find_pair
from explainer.classifiers import Classifier
from explainer.errors import DamagedWeightsError, UnfitWeightsError
from explainer.folding import fold_batch_norms
from explainer.networks import ResNetAutoencoder, SmallDenseNet
from explainer.sources.source import Source
from explainer.weights import verify_pinned

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from explainer.catalogue.parameters import Scoring

Network = TypeVar("Network", bound=nn.Module)


def _classifier(id_or_path: str, device: str, scoring: Scoring) -> Classifier:
    pair = find_pair(id_or_path)
    network, digest = classifier_network(pair)
    described = pair.metadata["classifier"]
    return Classifier(
        fold_batch_norms(network),
        targets=described["targets"],
        operating_points=described["operating_points"],
        weights_sha256=digest,
        scoring=scoring,
        **_interface(pair),
    ).to(device)


def _autoencoder(id_or_path: str, device: str) -> Autoencoder:
    pair = find_pair(id_or_path)
    network, digest = autoencoder_network(pair)
    return Autoencoder(network, weights_sha256=digest, **_interface(pair)).to(device)


def _interface(pair: Pair) -> dict[str, Any]:
    """What both models of a pair have in common."""
    low, high = pair.metadata["input_range"]
    return {
        "identifier": pair.id,
        "input_size": int(pair.metadata["input_size"]),
        "input_range": (float(low), float(high)),
    }


def classifier_network(pair: Pair) -> tuple[SmallDenseNet, str]:
    """The network of a pair's classifier and its file's SHA-256.

    Raises WeightsError where the file is missing, is not the one that pair.json names, or does not fit the network.
    """
    return _network(pair, "classifier", CLASSIFIER_FILE, SmallDenseNet)


def autoencoder_network(pair: Pair) -> tuple[ResNetAutoencoder, str]:
    """The network of a pair's autoencoder and its file's SHA-256. Raises as `classifier_network`."""
    return _network(pair, "autoencoder", AUTOENCODER_FILE, ResNetAutoencoder)


def _network(pair: Pair, part: str, file: str, network: Callable[..., Network]) -> tuple[Network, str]:
    described = pair.metadata[part]
    path = pair.folder / file
    digest = verify_pinned(path, described["sha256"])
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise DamagedWeightsError(f"{path} is no readable safetensors file: {error}.") from error
    try:
        built = network(**described["architecture"])
        built.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise UnfitWeightsError(f"{path} does not fit the network that pair.json describes: {error}.") from error
    return built, digest


SOURCE = Source(PAIRS, _classifier, _autoencoder)
