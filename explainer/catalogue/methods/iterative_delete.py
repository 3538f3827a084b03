"""Iterative delete: the gradient, again and again, while what it points at is removed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from explainer.catalogue.artefacts import map_panel
from explainer.catalogue.method import Method, Paper
from explainer.catalogue.settings import setting
from explainer.catalogue.words import gettext_noop as _
from explainer.errors import SettingsError

#: `delete`: what the paper's text says. `paper`: what its code did, which blanks every pixel but the top ones.
Variant = Literal["delete", "paper"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
_WHOLE = 100.0


@dataclass(frozen=True)
class IterativeDeleteSettings:
    """How much is deleted, and how often.

    `variant`: `delete` removes the pixels with the largest absolute gradient of those still there; `paper` is the
    published study's code, which keeps the pixels whose signed gradient is positive and in the top `percent`, and
    blanks the rest.
    """

    iterations: int = setting(20, "gradients that are averaged")
    percent: float = setting(2.0, "share of the pixels that is deleted after each")
    fill: float = setting(0.0, "grey value of deleted pixels; 0 is mid-grey on [-1024, 1024]")
    variant: Variant = setting("delete", "`delete`, or `paper`")

    def __post_init__(self) -> None:
        if self.iterations < 1:
            raise SettingsError("Iterative delete needs at least one iteration.")
        if not 0 < self.percent < _WHOLE:
            raise SettingsError(f"percent of iterative delete must be between 0 and 100, not {self.percent:g}.")
        if not math.isfinite(self.fill):
            raise SettingsError(f"fill of iterative delete must be a grey value, not {self.fill:g}.")
        if self.variant not in VARIANTS:
            raise SettingsError(
                f"There is no variant '{self.variant}' of iterative delete; choose one of {', '.join(VARIANTS)}."
            )


METHOD = Method(
    key="iterative_delete",
    title="Iterative delete",
    paper=Paper(
        "Bordes, Berthier, Di Jorio, Vincent and Bengio",
        2018,
        "Iteratively unveiling new regions of interest in deep learning models",
        "https://openreview.net/forum?id=rJz89iiiM",
    ),
    settings=IterativeDeleteSettings,
    panels=(
        map_panel(
            "iterative_delete",
            title=_("Iterative delete"),
            explanation=_(
                "The pixels that the prediction reacts to most are blanked out and the model looks again, many times "
                "over, so that it also has to show what else it relies on. Red marks where it reacted most on average."
            ),
        ),
    ),
)
