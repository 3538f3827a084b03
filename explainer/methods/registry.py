"""The one list of methods that can be computed: those of the catalogue, each by the module that has its key."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from explainer.catalogue.methods import method_of, method_settings
from explainer.methods.base import ChosenMethod

if TYPE_CHECKING:
    from collections.abc import Mapping


def chosen_method(key: str, values: Mapping[str, Any] | None = None) -> ChosenMethod:
    """A method with these settings, defaults for what is left out. Raises SettingsError."""
    settings = method_settings(key, values or {})
    return ChosenMethod(method_of(key), settings, import_module(f"explainer.methods.{key}").compute)
