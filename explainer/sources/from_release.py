"""The models that TorchXRayVision releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explainer.autoencoders import Autoencoder
from explainer.catalogue.models.released import RELEASED
from explainer.classifiers import Classifier
from explainer.sources.source import Source
from explainer.sources.xrv import autoencoders, classifiers

if TYPE_CHECKING:
    from explainer.catalogue.parameters import Scoring


def _classifier(identifier: str, device: str, scoring: Scoring) -> Classifier:
    loaded = classifiers.load(identifier)
    return Classifier(
        loaded.network,
        identifier=identifier,
        targets=loaded.targets,
        operating_points=loaded.operating_points,
        input_size=loaded.input_size,
        output=loaded.output,
        weights_sha256=loaded.weights_sha256,
        scoring=scoring,
    ).to(device)


def _autoencoder(identifier: str, device: str) -> Autoencoder:
    network, size, digest = autoencoders.LOADERS[identifier]()
    return Autoencoder(network, identifier=identifier, input_size=size, weights_sha256=digest).to(device)


SOURCE = Source(RELEASED, _classifier, _autoencoder)
