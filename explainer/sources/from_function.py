"""Models that a function of somebody's module returns.

A study's identifiers come from its coordinator, who must not be able to run code on a worker: a function is called
only if `EXPLAINER_ALLOW_CODE`, which whoever administers the machine sets, names its module.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from typing import TYPE_CHECKING

import torch

from explainer.autoencoders import Autoencoder
from explainer.catalogue.models.functions import FUNCTIONS, is_function
from explainer.classifiers import Classifier
from explainer.errors import CodeNotAllowedError, ExplainerError, ModelDescriptionError
from explainer.sources.source import Source
from explainer.sources.trial import tried_autoencoder, tried_classifier

if TYPE_CHECKING:
    from torch import nn

    from explainer.catalogue.parameters import Scoring

ALLOW_VARIABLE = "EXPLAINER_ALLOW_CODE"


def _classifier(name: str, device: str, scoring: Scoring) -> Classifier:
    classifier = call(name)
    if not isinstance(classifier, Classifier):
        raise ModelDescriptionError(f"{name} returned {type(classifier).__name__} and not an explainer.Classifier.")
    classifier.scoring = scoring
    classifier.weights_sha256 = classifier.weights_sha256 or sha256_of_state(classifier.network)
    return tried_classifier(classifier.to(device))


def _autoencoder(name: str, device: str) -> Autoencoder:
    autoencoder = call(name)
    if not isinstance(autoencoder, Autoencoder):
        raise ModelDescriptionError(f"{name} returned {type(autoencoder).__name__} and not an explainer.Autoencoder.")
    autoencoder.weights_sha256 = autoencoder.weights_sha256 or sha256_of_state(autoencoder.network)
    return tried_autoencoder(autoencoder.to(device))


def call(name: str) -> object:
    """What `module:function` returns. Raises CodeNotAllowedError unless `EXPLAINER_ALLOW_CODE` names the module."""
    if not is_function(name):
        raise ModelDescriptionError(f"'{name}' is no module:function, such as my_models:load.")
    module, _, function = name.partition(":")
    if not _is_allowed(module):
        raise CodeNotAllowedError(
            f"{name} is code, and nobody has allowed to run it here: set {ALLOW_VARIABLE}={module} where this process "
            "starts if the module is yours."
        )
    try:
        made = getattr(importlib.import_module(module), function)()
    except ExplainerError:
        raise
    except Exception as error:  # it is the user's code, and may raise anything
        raise ModelDescriptionError(f"{name} failed with {type(error).__name__}: {error}.") from error
    return made


def _is_allowed(module: str) -> bool:
    allowed = [name.strip() for name in os.environ.get(ALLOW_VARIABLE, "").split(",")]
    return any(name == "1" or module == name or (name and module.startswith(f"{name}.")) for name in allowed)


def sha256_of_state(network: nn.Module) -> str:
    """SHA-256 over a network's parameters and buffers, for weights that do not come from one file."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


SOURCE = Source(FUNCTIONS, _classifier, _autoencoder)
