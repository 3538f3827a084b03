"""Classifiers, autoencoders and explanations for chest X-rays.

In three lines: `clf = load_classifier("nih-small")`, `x = load_image("image.png", clf)`, `clf(x)`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explainer.autoencoders import Autoencoder as Autoencoder
    from explainer.classifiers import Classifier as Classifier
    from explainer.images import load_image as load_image
    from explainer.methods.captum_interface import LatentShift as LatentShift
    from explainer.run import explain as explain
    from explainer.run import explain_many as explain_many
    from explainer.sources import load_autoencoder as load_autoencoder
    from explainer.sources import load_classifier as load_classifier

__all__ = [
    "Autoencoder",
    "Classifier",
    "LatentShift",
    "explain",
    "explain_many",
    "load_autoencoder",
    "load_classifier",
    "load_image",
]

_HOMES = {
    "Classifier": "classifiers",
    "Autoencoder": "autoencoders",
    "load_classifier": "sources",
    "load_autoencoder": "sources",
    "load_image": "images",
    "explain": "run",
    "explain_many": "run",
    "LatentShift": "methods.captum_interface",
}


def __getattr__(name: str) -> Any:
    # Loaded on first use: a Celery parent process imports this package, and torch's threads must not exist at a fork.
    if name in _HOMES:
        return getattr(importlib.import_module(f"explainer.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'explainer' has no attribute '{name}'")
