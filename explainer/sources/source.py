"""A source of models: what is known of them beforehand, and what loads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from explainer.autoencoders import Autoencoder
    from explainer.catalogue.models.listing import Listing
    from explainer.catalogue.parameters import Scoring
    from explainer.classifiers import Classifier


@dataclass(frozen=True)
class Source:
    """Classifiers and autoencoders of one origin.

    `classifier(id_or_path, device, scoring)` and `autoencoder(id_or_path, device)` load what `listing` has, onto
    the device. They raise
    WeightsError if weights are absent, damaged or exchanged, ModelDescriptionError for a model of somebody's own that
    is not as described, and CodeNotAllowedError for a function that may not be called here.
    """

    listing: Listing
    classifier: Callable[[str, str, Scoring], Classifier]
    autoencoder: Callable[[str, str], Autoencoder]
