"""Integrated gradients: each pixel's part in the prediction, gathered on the way from a blank image."""

from __future__ import annotations

import math
from dataclasses import dataclass

from explainer.catalogue.artefacts import map_panel
from explainer.catalogue.method import Method, Paper
from explainer.catalogue.settings import setting
from explainer.catalogue.words import gettext_noop as _
from explainer.errors import SettingsError


@dataclass(frozen=True)
class IntegratedGradientsSettings:
    """How the integral is computed."""

    steps: int = setting(100, "points of the Gauss-Legendre quadrature")
    baseline: float = setting(0.0, "grey value of the reference image; 0 is mid-grey on [-1024, 1024]")

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError("Integrated gradients need at least one step.")
        if not math.isfinite(self.baseline):
            raise SettingsError(f"baseline of integrated gradients must be a grey value, not {self.baseline:g}.")


METHOD = Method(
    key="integrated_gradients",
    title="Integrated gradients",
    paper=Paper(
        "Sundararajan, Taly and Yan",
        2017,
        "Axiomatic attribution for deep networks",
        "https://arxiv.org/abs/1703.01365",
    ),
    settings=IntegratedGradientsSettings,
    panels=(
        map_panel(
            "integrated_gradients",
            title=_("Integrated gradients"),
            explanation=_(
                "The X-ray is faded in step by step from a blank image, and each pixel's influence on the prediction "
                "is added up on the way. Red marks the pixels that contributed most."
            ),
        ),
    ),
)
