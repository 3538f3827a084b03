"""Models that stay loaded in this process, so that each request need not load them again."""

from __future__ import annotations

from functools import lru_cache

from explainer.autoencoders import Autoencoder
from explainer.catalogue.parameters import Scoring
from explainer.classifiers import Classifier
from explainer.sources import load_autoencoder, load_classifier


@lru_cache(maxsize=2)
def classifier_of_process(id_or_path: str, device: str, scoring: Scoring = "calibrated") -> Classifier:
    """Classifier that is loaded once per process; callers must not change it."""
    return load_classifier(id_or_path, device, scoring=scoring)


@lru_cache(maxsize=2)
def autoencoder_of_process(id_or_path: str, device: str) -> Autoencoder:
    """Autoencoder that is loaded once per process; callers must not change it."""
    return load_autoencoder(id_or_path, device)
