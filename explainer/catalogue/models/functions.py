"""Models that a function of somebody's module returns, named `module:function`. Loads no torch."""

from __future__ import annotations

import re

from explainer.catalogue.models.listing import Kind, Listing

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_function(text: str) -> bool:
    """Whether a text is `module:function`."""
    return _FUNCTION.fullmatch(text) is not None


class _Functions(Listing):
    """What such a function makes is known when it is called, which only workers do."""

    naming = "module:function"

    def identifiers(self, kind: Kind) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def has(self, kind: Kind, id_or_path: str) -> bool:  # noqa: ARG002
        return is_function(id_or_path)

    def targets(self, id_or_path: str) -> None:
        pass

    def check_autoencoder(self, id_or_path: str) -> None:
        pass


FUNCTIONS = _Functions()
