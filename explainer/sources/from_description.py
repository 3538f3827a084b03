"""Models of somebody's own that a small TOML file describes.

What a description may say stands in docs/models.md. A study's identifiers come from its coordinator, and what they can
reach must not be more than whoever administers the machine has put there: a description is a file on this machine's
disk.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from torch import nn

from explainer.autoencoders import Autoencoder
from explainer.catalogue.models.descriptions import DESCRIPTIONS, read_description
from explainer.classifiers import Classifier
from explainer.errors import MissingWeightsError, ModelDescriptionError
from explainer.graphs import TwoGraphs, load_graph, load_graph_autoencoder
from explainer.sources.from_function import call, sha256_of_state
from explainer.sources.source import Source
from explainer.sources.trial import tried_autoencoder, tried_classifier
from explainer.weights import verify_pinned, verify_recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from explainer.catalogue.models.descriptions import Description
    from explainer.catalogue.parameters import Scoring
    from explainer.graphs import Graph


def _classifier(id_or_path: str, device: str, scoring: Scoring) -> Classifier:
    path = Path(id_or_path)
    described = read_description(path, "classifier")
    network, digest = _network(path, described, load_graph, device)
    classifier = Classifier(
        network,
        identifier=described.id or path.stem,
        weights_sha256=digest,
        scoring=scoring,
        **described.arguments(),
    )
    return tried_classifier(classifier.to(device))


def _autoencoder(id_or_path: str, device: str) -> Autoencoder:
    path = Path(id_or_path)
    described = read_description(path, "autoencoder")
    network, digest = _network(path, described, load_graph_autoencoder, device)
    autoencoder = Autoencoder(
        network, identifier=described.id or path.stem, weights_sha256=digest, **described.arguments()
    )
    return tried_autoencoder(autoencoder.to(device))


def _network(
    path: Path, described: Description, load: Callable[[Path, str], Graph], device: str
) -> tuple[nn.Module, str]:
    """The one network that a description names, and the SHA-256 of its weights.

    Raises ModelDescriptionError, CodeNotAllowedError, and WeightsError if a file is absent, damaged or exchanged.
    """
    if described.callable is not None:
        network = call(described.callable)
        if not isinstance(network, nn.Module):
            raise ModelDescriptionError(f"{described.callable} returned {type(network).__name__}, not an nn.Module.")
        return network, sha256_of_state(network)
    files = {key: _file(path, key, name, expected) for key, (name, expected) in described.files().items()}
    digests = [digest for _, digest in files.values()]
    if "file" in files:
        return load(files["file"][0], device), digests[0]
    both = hashlib.sha256("".join(f"{digest}\n" for digest in digests).encode("ascii")).hexdigest()
    return TwoGraphs(*(load_graph(file, device) for file, _ in files.values())), both


def _file(path: Path, key: str, name: str, expected: str | None) -> tuple[Path, str]:
    """A file that a description names, relative to itself, and its SHA-256, checked."""
    file = path.parent / name
    if not file.is_file():
        raise MissingWeightsError(f"{path.name} names {file}, which is not there: {key} is relative to {path.name}.")
    return file, verify_recorded(file) if expected is None else verify_pinned(file, expected)


SOURCE = Source(DESCRIPTIONS, _classifier, _autoencoder)
