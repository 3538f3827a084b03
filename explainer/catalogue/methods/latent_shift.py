"""Latent Shift: the X-ray redrawn with less and with more of what the model takes for the finding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from explainer.catalogue.artefacts import (
    COUNTERFACTUAL_ARTEFACTS,
    MAP_ARTEFACTS,
    Kind,
    Panel,
    PanelKind,
    map_panel,
)
from explainer.catalogue.method import Method, Paper
from explainer.catalogue.settings import setting
from explainer.catalogue.words import gettext_noop as _
from explainer.errors import SettingsError

Projection = Literal["max", "mean", "minmax", "sliding", "published"]
PROJECTIONS: tuple[Projection, ...] = get_args(Projection)
LambdaSearch = Literal["adaptive", "paper", "published-2021-02", "published-2021-06"]
SEARCHES: tuple[LambdaSearch, ...] = get_args(LambdaSearch)
#: Searches of the paper's code, by the month of the version.
SEARCHES_BY_CODE = ("published-2021-02", "published-2021-06")
#: `drop` and `rise` where they are not given.
_GOALS: dict[str, tuple[float, float]] = {"published-2021-02": (0.5, 0.05), "published-2021-06": (0.15, 0.05)}
_USUAL_GOALS = (0.30, 0.05)
_USUAL_FRAMES = 24
#: Where the published searches give up (Appendix C of the paper).
PUBLISHED_BOUND = 1000.0
_FEWEST_FRAMES = 3


@dataclass(frozen=True)
class LatentShiftSettings:
    """How far to go and what to keep.

    `search="paper"` is the search of the paper's text (Appendix C): steps of `step` until the prediction turns at all,
    has moved by more than `drop` or `rise`, or lambda is at `max_lambda` (1000 where that is not set).
    `"published-2021-02"` and `"published-2021-06"` are those of its code, by date: single steps up to `step` before
    steps of `step`; drop 0.5 and rise 0.05, respectively drop 0.15 and downwards only; and frames at every tenth of the
    range from its lowest lambda on, beside the reconstruction (`frames` is not taken). None stands for these values.
    """

    drop: float | None = setting(None, "fall of the prediction that ends the lower side; 0.30 unless the search says")
    rise: float | None = setting(None, "rise of the prediction that ends the upper side; 0.05 unless the search says")
    tolerance: float = setting(0.005, "how exactly `drop` and `rise` are hit where they can be reached")
    turn: float = setting(0.01, "how far the prediction may fall back from its best before the side ends there")
    max_image_change: float = setting(
        0.15, "largest mean absolute difference to the reconstruction, as a fraction of the input range"
    )
    max_latent_change: float = setting(
        4.0, "largest norm of the shift relative to that of z, which bounds lambda for any decoder"
    )
    max_lambda: float | None = setting(None, "the same as a number, where one is known")
    search: LambdaSearch = setting(
        "adaptive", "how the range of lambda is found: `adaptive`, `paper`, `published-2021-02` or `published-2021-06`"
    )
    step: float = setting(10.0, "step of lambda in the published searches")
    lower: float | None = setting(None, "lower end of the range, 0 or below, instead of searching it")
    upper: float | None = setting(None, "upper end of the range, 0 or above, instead of searching it")
    frames: int | None = setting(
        None, "images kept, evenly spaced in lambda with 0 among them; 24 unless the search says"
    )
    projection: Projection = setting(
        "max", "how the images become a map: `max`, `mean`, `minmax`, `sliding` or `published`"
    )

    def __post_init__(self) -> None:
        if self.search not in SEARCHES:
            raise SettingsError(f"There is no search '{self.search}'; choose one of {', '.join(SEARCHES)}.")
        if self.projection not in PROJECTIONS:
            raise SettingsError(f"There is no projection '{self.projection}'; choose one of {', '.join(PROJECTIONS)}.")
        self._check_frames()
        self._complete()
        positive = {
            name: getattr(self, name)
            for name in ("drop", "rise", "tolerance", "turn", "max_image_change", "max_latent_change", "step")
        } | ({} if self.max_lambda is None else {"max_lambda": self.max_lambda})
        for name, value in positive.items():
            if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
                raise SettingsError(f"{name} of Latent Shift must be a positive number, not {value!r}.")
        for name, end, sign in (("lower", self.lower, "at most"), ("upper", self.upper, "at least")):
            if end is not None and not (math.isfinite(end) and (end <= 0 if name == "lower" else end >= 0)):
                raise SettingsError(f"{name} of Latent Shift must be a lambda of {sign} 0, not {end!r}.")
        if self.lower == 0 and self.upper == 0:
            raise SettingsError("lower and upper of Latent Shift are both 0, so there would be nothing to see.")

    def _check_frames(self) -> None:
        if self.frames is None:
            return
        if self.search in SEARCHES_BY_CODE:
            raise SettingsError(f"frames cannot be chosen with search '{self.search}', which divides the range itself.")
        if not isinstance(self.frames, int) or self.frames < _FEWEST_FRAMES:
            raise SettingsError(f"Latent Shift needs at least {_FEWEST_FRAMES} frames, not {self.frames}.")

    def _complete(self) -> None:
        """What was left to the search gets its value, so that settings always tell what was done."""
        drop, rise = _GOALS.get(self.search, _USUAL_GOALS)
        values: dict[str, float] = {"drop": drop, "rise": rise}
        if self.search in SEARCHES_BY_CODE:
            values["max_lambda"] = PUBLISHED_BOUND
        else:
            values["frames"] = _USUAL_FRAMES
        if self.search == "published-2021-06":
            values["upper"] = 0.0
        for name, value in values.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)

    @property
    def goals(self) -> tuple[float, float]:
        """`drop` and `rise`."""
        usual = _GOALS.get(self.search, _USUAL_GOALS)
        return (usual[0] if self.drop is None else self.drop, usual[1] if self.rise is None else self.rise)


_KEY = "latent_shift"
METHOD = Method(
    key=_KEY,
    title="Latent Shift",
    paper=Paper(
        "Cohen, Brooks, En, Zucker, Pareek, Lungren and Chaudhari",
        2021,
        "Gifsplanation via Latent Shift: a simple autoencoder approach to counterfactual generation for chest X-rays",
        "https://arxiv.org/abs/2102.09475",
    ),
    settings=LatentShiftSettings,
    needs_autoencoder=True,
    tells_prediction=True,
    artefacts=(*MAP_ARTEFACTS, *COUNTERFACTUAL_ARTEFACTS),
    panels=(
        map_panel(
            _KEY,
            title=_("Latent Shift map"),
            explanation=_(
                "A second model redraws the X-ray so that the prediction rises and falls, as in the animation. Red "
                "marks where the redrawn images differ most: what would have to change for the model to change its "
                "mind."
            ),
            legend=_("that change most"),
        ),
        Panel(
            kind=PanelKind.PLAYER,
            key="counterfactual",
            asset="filmstrip.png",
            made_of=(Kind.FILMSTRIP,),
            title=_("Counterfactual"),
            explanation=_(
                "The same X-ray redrawn with less and with more of what the model takes for this finding; watch what "
                "appears and disappears. The images are simulated by a second model, which may blur fine detail or "
                "change it."
            ),
            method=_KEY,
        ),
        Panel(
            kind=PanelKind.CURVE,
            key="curve",
            asset="curve.json",
            made_of=(Kind.CURVE,),
            title=_("Prediction curve"),
            explanation=_(
                "What the model predicts for each image of the counterfactual. Lambda says how far an image was "
                "changed: at 0 it is redrawn without a change, to the left and right with less and with more of the "
                "finding. Click on the curve to see the image there."
            ),
            method=_KEY,
        ),
    ),
)
