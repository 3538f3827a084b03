"""Grad-CAM: where the last feature maps of the classifier speak for the prediction or against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from explainer.catalogue.artefacts import map_panel
from explainer.catalogue.method import Method, Paper
from explainer.catalogue.settings import setting
from explainer.catalogue.words import gettext_noop as _
from explainer.errors import SettingsError

#: `both`: what speaks for the prediction or against it, absolute as every map here. `positive`: for it alone, as in the
#: paper.
Evidence = Literal["both", "positive"]
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)


@dataclass(frozen=True)
class GradCamSettings:
    """Which feature maps are looked at, and what of their sum is kept."""

    layer: str | None = setting(None, "name of a module of the network; without it, the last feature maps")
    evidence: Evidence = setting(
        "both", "`both`, what speaks for the prediction or against it, or `positive`, the paper's"
    )

    def __post_init__(self) -> None:
        if self.evidence not in EVIDENCE:
            raise SettingsError(f"There is no evidence '{self.evidence}'; choose one of {', '.join(EVIDENCE)}.")


METHOD = Method(
    key="grad_cam",
    title="Grad-CAM",
    paper=Paper(
        "Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra",
        2017,
        "Grad-CAM: visual explanations from deep networks via gradient-based localization",
        "https://arxiv.org/abs/1610.02391",
    ),
    settings=GradCamSettings,
    panels=(
        map_panel(
            "grad_cam",
            title=_("Grad-CAM"),
            explanation=_(
                "The model reduces the X-ray to a coarse grid of features; this adds up, place by place, how much they "
                "speak for the prediction or against it. Red marks where that is most: a region, without fine detail."
            ),
        ),
    ),
)
