"""What a protocol says of models and methods, checked before anything is computed with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explainer.catalogue.methods import METHODS, method_settings
from explainer.catalogue.models import check_autoencoder, classifier_targets
from explainer.catalogue.parameters import SHARED, wanted_instead
from explainer.errors import ExplainerError

if TYPE_CHECKING:
    from readerstudy.studies.protocol_table import Table

PARAMETERS = "parameters"


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
        if key in METHODS:
            _check_method(table, key, value)
        elif key not in SHARED:
            table.refuse(key, f"is not known; there are: {', '.join((*METHODS, *SHARED))}")
        elif wanted := wanted_instead(key, value):
            table.refuse(key, f"is {value!r}; it {wanted}")
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


def _inside(error: ExplainerError) -> str:
    """A sentence as part of another."""
    return str(error).removesuffix(".")
