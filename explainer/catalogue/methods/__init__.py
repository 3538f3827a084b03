"""Every method of explanation, each in a file of its own: who adds one adds its file here and in `explainer.methods`.

The web reads names here, the worker computes with them; nothing here loads torch.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

from explainer.catalogue.settings import settings_from
from explainer.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from explainer.catalogue.method import Method


def _found() -> dict[str, Method]:
    modules = (import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    methods: list[Method] = [module.METHOD for module in modules]
    return {method.key: method for method in sorted(methods, key=lambda method: (method.paper.year, method.key))}


#: Key -> method, in the order in which they were published.
METHODS: dict[str, Method] = _found()


def method_of(key: str) -> Method:
    """The method of this key. Raises SettingsError where there is none."""
    if key not in METHODS:
        raise SettingsError(f"There is no method '{key}'; choose from {', '.join(METHODS)}.")
    return METHODS[key]


def methods_of(keys: Iterable[str]) -> list[Method]:
    """The methods of these keys, each once, in the order given. Raises SettingsError as `method_of` does."""
    return [method_of(key) for key in dict.fromkeys(keys)]


def method_settings(key: str, values: Mapping[str, Any]) -> Any:
    """The settings of a method by its key. Raises SettingsError, also where there is no such method."""
    return settings_from(method_of(key).settings, values, method=key)
