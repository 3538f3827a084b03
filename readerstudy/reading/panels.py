"""The pictures of the rating page, in the order shown: those that the methods of an arm let a reader see."""

from __future__ import annotations

from collections.abc import Iterable

from explainer.catalogue.artefacts import DEEP_XRAY, XRAY, Panel
from explainer.catalogue.methods import methods_of


def map_panels(keys: Iterable[str]) -> list[Panel]:
    """How each of these methods shows its map, and what it tells of itself; none for a map that is withheld."""
    return [method.map_panel for method in methods_of(keys) if method.map_panel is not None]


def panels(keys: Iterable[str], *, deep: bool = False) -> list[Panel]:
    """The X-ray, then the pictures of an arm's methods in the protocol's order. `deep`: the X-ray has more than 8 bits.

    A file that none of them is made of is served to no reader.
    """
    return [DEEP_XRAY if deep else XRAY, *(panel for method in methods_of(keys) for panel in method.panels)]
