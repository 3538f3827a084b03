"""What a protocol says of models and methods, checked before anything is computed with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from explainer.catalogue.methods import METHODS, method_settings
from explainer.catalogue.models import check_autoencoder, classifier_targets
from explainer.catalogue.parameters import SHARED, wanted_instead
from explainer.errors import ExplainerError
from explainer.problems import RefusedError, shown


def classifier_checked(classifier: str) -> str:
    """The identifier itself. Raises RefusedError where there is no such classifier."""
    _refuse_unless(classifier_targets, classifier)
    return classifier


def autoencoder_checked(autoencoder: str) -> str:
    """The identifier itself. Raises RefusedError where there is no such autoencoder."""
    _refuse_unless(check_autoencoder, autoencoder)
    return autoencoder


def targets_checked(targets: tuple[str, ...], classifier: str) -> tuple[str, ...]:
    """The targets themselves. Raises RefusedError for those that the classifier does not predict.

    What a `module:function` predicts is known to workers alone; scoring refuses what it does not.
    """
    predicted = classifier_targets(classifier)
    if predicted is not None and (unknown := [target for target in targets if target not in predicted]):
        does = f"which {classifier} does not predict; it predicts: {', '.join(predicted)}"
        raise RefusedError(*(f"names {target!r}, {does}" for target in unknown))
    return targets


def parameters_checked(parameters: dict[str, Any]) -> dict[str, Any]:
    """`[study.parameters]` as they stand: settings by method, and what all pictures share.

    Raises RefusedError for each that cannot be.
    """
    reasons = {key: reason for key, value in parameters.items() if (reason := _reason(key, value))}
    if reasons:
        raise RefusedError(**reasons)
    return parameters


def _reason(key: str, value: object) -> str:
    """What is wrong with a parameter; "" where nothing."""
    if key in METHODS:
        return _reason_of_method(key, value)
    if key not in SHARED:
        return f"is not known; there are: {', '.join((*METHODS, *SHARED))}"
    wanted = wanted_instead(key, value)
    return f"is {shown(value)}; it {wanted}" if wanted else ""


def _reason_of_method(method: str, value: object) -> str:
    if not isinstance(value, Mapping):
        return f"must be a table of settings: write [study.parameters.{method}]"
    for name, setting in value.items():
        if isinstance(setting, float) and not math.isfinite(setting):
            return f"has {name} = {setting}, which is no number to compute with"
    try:
        method_settings(method, value)
    except ExplainerError as error:
        return f"cannot be used: {_inside(error)}"
    return ""


def _refuse_unless(check: Callable[[str], object], identifier: str) -> None:
    try:
        check(identifier)
    except ExplainerError as error:
        raise RefusedError(f"cannot be used: {_inside(error)}") from error


def _inside(error: ExplainerError) -> str:
    """A sentence as part of another."""
    return str(error).removesuffix(".")
