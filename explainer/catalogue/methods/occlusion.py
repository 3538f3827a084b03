"""Occlusion: how the prediction changes where a part of the X-ray is covered."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explainer.catalogue.artefacts import map_panel
from explainer.catalogue.method import Method, Paper
from explainer.catalogue.settings import setting
from explainer.catalogue.words import gettext_noop as _
from explainer.errors import SettingsError

#: Windows side by side, where their size is not given: 32 of 224 pixels.
_ACROSS = 7


@dataclass(frozen=True)
class OcclusionSettings:
    """How large the square is, how far it moves, and what it is filled with."""

    window: int | None = setting(None, "pixels per side of the square; without it, a seventh of the image's side")
    stride: int | None = setting(None, "pixels from one square to the next; without it, half of the square's side")
    fill: float = setting(0.0, "grey value of the square; 0 is mid-grey on [-1024, 1024]")

    def __post_init__(self) -> None:
        for name, value in (("window", self.window), ("stride", self.stride)):
            if value is not None and value < 1:
                raise SettingsError(f"{name} of occlusion must be at least one pixel, not {value}.")
        if not math.isfinite(self.fill):
            raise SettingsError(f"fill of occlusion must be a grey value, not {self.fill:g}.")

    def squares(self, side: int) -> tuple[int, int]:
        """Side and stride of the squares on an image of `side` pixels. Raises SettingsError where they do not fit."""
        window = max(1, round(side / _ACROSS)) if self.window is None else self.window
        stride = max(1, window // 2) if self.stride is None else self.stride
        if window > side:
            raise SettingsError(f"window of occlusion is {window} pixels, wider than the image of {side}.")
        if stride > window:
            raise SettingsError(
                f"stride of occlusion is {stride}, more than the {window} of a square: gaps would stay uncovered."
            )
        return window, stride


METHOD = Method(
    key="occlusion",
    title="Occlusion",
    paper=Paper(
        "Zeiler and Fergus",
        2014,
        "Visualizing and understanding convolutional networks",
        "https://arxiv.org/abs/1311.2901",
    ),
    settings=OcclusionSettings,
    panels=(
        map_panel(
            "occlusion",
            title=_("Occlusion"),
            explanation=_(
                "A grey square covers one part of the X-ray after the other, and each time the model looks again. Red "
                "marks where covering changes the prediction most, whichever way it goes."
            ),
        ),
    ),
)
