"""Models of somebody's own that a small TOML file describes.

What a description may say stands in docs/models.md. A study's identifiers come from its coordinator, and what they can
reach must not be more than whoever administers the machine has put there: a description is a file on this machine's
disk.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    from collections.abc import Mapping

    from explainer.catalogue.models.listing import Kind
    from explainer.types import Scoring


def _classifier(id_or_path: str, device: str, scoring: Scoring) -> Classifier:
    described = _described(Path(id_or_path), "classifier", device)
    classifier = Classifier(
        described.network,
        identifier=described.identifier,
        weights_sha256=described.weights_sha256,
        scoring=scoring,
        **described.settings,
    )
    return tried_classifier(classifier.to(device))


def _autoencoder(id_or_path: str, device: str) -> Autoencoder:
    described = _described(Path(id_or_path), "autoencoder", device)
    autoencoder = Autoencoder(
        described.network,
        identifier=described.identifier,
        weights_sha256=described.weights_sha256,
        **described.settings,
    )
    return tried_autoencoder(autoencoder.to(device))


@dataclass(frozen=True)
class _Described:
    """A network and what its description says; `settings` are arguments of Classifier or Autoencoder."""

    network: nn.Module
    identifier: str
    settings: Mapping[str, Any]
    weights_sha256: str


def _described(path: Path, kind: Kind, device: str) -> _Described:
    """The network that a TOML file describes.

    Raises UnknownModelError if there is no such file, ModelDescriptionError for what is wrong with it,
    CodeNotAllowedError, and WeightsError if a file that it names is absent, damaged or exchanged.
    """
    values, settings = read_description(path, kind)
    network, digest = _network(path, kind, values, device)
    identifier = str(values.get("id") or path.stem)
    return _Described(network, identifier, settings, digest)


def _network(path: Path, kind: Kind, values: dict[str, Any], device: str) -> tuple[nn.Module, str]:
    """The one network that a description names, and the SHA-256 of its weights."""
    sources = [key for key in ("file", "callable", "encoder") if key in values]
    if len(sources) != 1 or ("encoder" in values) != ("decoder" in values):
        ways = "`file` or `callable`" if kind == "classifier" else "`file`, `callable`, or `encoder` and `decoder`"
        raise ModelDescriptionError(f"{path.name} must name its network in one way: {ways}.")
    if "callable" in values:
        network = call(str(values["callable"]))
        if not isinstance(network, nn.Module):
            raise ModelDescriptionError(f"{values['callable']} returned {type(network).__name__}, not an nn.Module.")
        return network, sha256_of_state(network)
    if "encoder" in values:
        encoder, first = _file(path, values, "encoder", "encoder_sha256")
        decoder, second = _file(path, values, "decoder", "decoder_sha256")
        both = hashlib.sha256(f"{first}\n{second}\n".encode("ascii")).hexdigest()
        return TwoGraphs(load_graph(encoder, device), load_graph(decoder, device)), both
    file, digest = _file(path, values, "file", "sha256")
    return (load_graph if kind == "classifier" else load_graph_autoencoder)(file, device), digest


def _file(path: Path, values: dict[str, Any], key: str, digest_key: str) -> tuple[Path, str]:
    """A file that a description names, relative to itself, and its SHA-256, checked."""
    file = path.parent / str(values[key])
    if not file.is_file():
        raise MissingWeightsError(f"{path.name} names {file}, which is not there: {key} is relative to {path.name}.")
    expected = values.get(digest_key)
    return file, verify_recorded(file) if expected is None else verify_pinned(file, str(expected))


SOURCE = Source(DESCRIPTIONS, _classifier, _autoencoder)
