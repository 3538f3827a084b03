"""What a protocol says of models and methods, checked before anything is computed with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explainer.catalogue.models import check_autoencoder, classifier_targets
from explainer.catalogue.settings import SETTINGS, method_settings
from explainer.errors import ExplainerError
from explainer.types import SCORINGS

if TYPE_CHECKING:
    from readerstudy.studies.protocol_table import Table

PARAMETERS = "parameters"
#: What is no setting of a method -> what it may be. `explainer.worker` reads them.
_PERCENT, _SIDES, _BITS = (0.0, 100.0), (32, 8192), (8, 16)


def models_check(study: Table, *, classifier: str, autoencoder: str, targets: Sequence[str]) -> None:
    """Note models that there are not, and targets that the classifier does not predict.

    What a `module:function` predicts is known to workers alone; scoring refuses what it does not.
    """
    if classifier:
        try:
            predicted = classifier_targets(classifier)
        except ExplainerError as error:
            study.refuse("classifier", f"cannot be used: {_inside(error)}")
        else:
            unknown = [] if predicted is None else [target for target in targets if target not in predicted]
            for target in unknown:
                study.refuse(
                    "targets",
                    f"names {target!r}, which {classifier} does not predict; it predicts: {', '.join(predicted or ())}",
                )
    if autoencoder:
        try:
            check_autoencoder(autoencoder)
        except ExplainerError as error:
            study.refuse("autoencoder", f"cannot be used: {_inside(error)}")


def parameters_checked(study: Table) -> dict[str, Any]:
    """`[study.parameters]`: settings by method, and what all pictures share. Notes each that cannot be."""
    table = study.table(PARAMETERS, default={})
    for key, value in table.values.items():
        if key in SETTINGS:
            _check_method(table, key, value)
        elif key == "scoring":
            _check(table, key, value in SCORINGS, value, f"must be one of: {', '.join(SCORINGS)}")
        elif key == "percent":
            _check(table, key, _within(value, *_PERCENT), value, "must be a number between 0 and 100")
        elif key == "display_size":
            fits = isinstance(value, int) and _within(value, _SIDES[0] - 1, _SIDES[1] + 1)
            _check(table, key, fits, value, f"must be a whole number of pixels from {_SIDES[0]} to {_SIDES[1]}")
        elif key == "display_bits":
            _check(table, key, value in _BITS and not isinstance(value, bool), value, "must be 8 or 16")
        else:
            known = ", ".join((*SETTINGS, "scoring", "percent", "display_size", "display_bits"))
            table.refuse(key, f"is not known; there are: {known}")
    return table.values


def _check_method(table: Table, method: str, value: object) -> None:
    if not isinstance(value, Mapping):
        table.refuse(method, f"must be a table of settings: write [study.{PARAMETERS}.{method}]")
        return
    for name, setting in value.items():
        if isinstance(setting, float) and not math.isfinite(setting):
            table.refuse(method, f"has {name} = {setting}, which is no number to compute with")
            return
    try:
        method_settings(method, value)
    except ExplainerError as error:
        table.refuse(method, f"cannot be used: {_inside(error)}")


def _check(table: Table, key: str, fits: object, value: object, wanted: str) -> None:
    if not fits:
        table.refuse(key, f"is {value!r}; it {wanted}")


def _within(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low < value < high


def _inside(error: ExplainerError) -> str:
    """A sentence as part of another."""
    return str(error).removesuffix(".")
