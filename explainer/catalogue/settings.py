"""The settings of every method: names, defaults, and what each may be. Loads no torch."""

from __future__ import annotations

import difflib
import math
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from explainer.errors import SettingsError
from explainer.types import (
    GUIDED_BACKPROP,
    INPUT_GRADIENT,
    INTEGRATED_GRADIENTS,
    ITERATIVE_DELETE,
    LATENT_SHIFT,
)

S = TypeVar("S")

#: `delete`: what the paper's text says. `paper`: what its code did, which blanks every pixel but the top ones.
Variant = Literal["delete", "paper"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
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
_WHOLE = 100.0
_DESCRIBED = {int: "a whole number", float: "a number", str: "a name"}


@dataclass(frozen=True)
class InputGradientSettings:
    """There is nothing to set."""


@dataclass(frozen=True)
class GuidedBackpropSettings:
    """There is nothing to set."""


@dataclass(frozen=True)
class IntegratedGradientsSettings:
    """How the integral is computed.

    `steps` of the Gauss-Legendre quadrature; `baseline`, the grey value of the reference image on the classifier's
    scale (the paper's zero is mid-grey there);
    """

    steps: int = 100
    baseline: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError("Integrated gradients need at least one step.")
        if not math.isfinite(self.baseline):
            raise SettingsError(f"baseline of integrated gradients must be a grey value, not {self.baseline:g}.")


@dataclass(frozen=True)
class IterativeDeleteSettings:
    """How much is deleted, and how often.

    `iterations`, gradients that are averaged; `percent` of the pixels deleted after each; `fill`, the grey value that
    they get, on the classifier's scale (0 is mid-grey there). `variant`: `delete` removes the pixels with the largest
    absolute gradient of those still there; `paper` is the published study's code, which keeps the pixels whose signed
    gradient is positive and in the top `percent`, and blanks the rest.
    """

    iterations: int = 20
    percent: float = 2.0
    fill: float = 0.0
    variant: Variant = "delete"

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


@dataclass(frozen=True)
class LatentShiftSettings:
    """How far to go and what to keep.

    `drop`, `rise`: change of the prediction that ends each side (0.30 and 0.05), hit within `tolerance` where it can be
    reached. `turn`: how far the prediction may fall back from its best before the side ends there. `max_image_change`:
    largest mean absolute difference to the reconstruction, as a fraction of the input range. `max_latent_change`:
    largest norm of the shift relative to the norm of z, which bounds lambda for any decoder; `max_lambda`: the same as
    a number, where one is known. `lower` <= 0 and `upper` >= 0 give an end of the range instead of searching it.
    `frames`: images kept (24), evenly spaced in lambda, with lambda = 0 among them. `projection`: how they become a
    map.

    `search="paper"` is the search of the paper's text instead (Appendix C): steps of `step` until the prediction turns
    at all, has moved by more than `drop` or `rise`, or lambda is at `max_lambda` (1000 where that is not set).
    `"published-2021-02"` and `"published-2021-06"` are those of its code, by date: single steps up to `step` before
    steps of `step`; drop 0.5 and rise 0.05, respectively drop 0.15 and downwards only; and frames at every tenth of the
    range from its lowest lambda on, beside the reconstruction (`frames` is not taken). None stands for these values.
    """

    drop: float | None = None
    rise: float | None = None
    tolerance: float = 0.005
    turn: float = 0.01
    max_image_change: float = 0.15
    max_latent_change: float = 4.0
    max_lambda: float | None = None
    search: LambdaSearch = "adaptive"
    step: float = 10.0
    lower: float | None = None
    upper: float | None = None
    frames: int | None = None
    projection: Projection = "max"

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


#: Method -> its settings.
SETTINGS: dict[str, type[Any]] = {
    INPUT_GRADIENT: InputGradientSettings,
    GUIDED_BACKPROP: GuidedBackpropSettings,
    INTEGRATED_GRADIENTS: IntegratedGradientsSettings,
    ITERATIVE_DELETE: IterativeDeleteSettings,
    LATENT_SHIFT: LatentShiftSettings,
}


def setting_kinds(kind: type[Any]) -> dict[str, tuple[type, ...]]:
    """Name of each setting -> the types that it takes, of int, float, str and NoneType."""
    kinds = {}
    for name, hint in get_type_hints(kind).items():
        parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        kinds[name] = tuple(str if get_origin(part) is Literal else part for part in parts)
    return kinds


def settings_from(kind: type[S], values: Mapping[str, Any], *, method: str) -> S:
    """Settings dataclass from a plain mapping. Raises SettingsError for an unknown name or a value of another type."""
    if not isinstance(values, Mapping):
        raise SettingsError(f"The settings of {method} must be a table of names and values, not {values!r}.")
    known = setting_kinds(kind)
    unknown = [name for name in values if name not in known]
    if unknown:
        near = difflib.get_close_matches(str(unknown[0]), known, n=1)
        meant = f" Is {near[0]} meant?" if near else ""
        raise SettingsError(
            f"{method} has no setting {', '.join(map(str, unknown))}; it has {', '.join(known) or 'none'}.{meant}"
        )
    for name, value in values.items():
        takes = known[name]
        numbers = (int,) if float in takes else ()
        if not isinstance(value, (*takes, *numbers)) or isinstance(value, bool):
            described = " or ".join(_DESCRIBED[one] for one in takes if one in _DESCRIBED)
            raise SettingsError(f"{name} of {method} must be {described}, not {value!r}.")
    return kind(**values)


def method_settings(method: str, values: Mapping[str, Any]) -> Any:
    """The settings of a method by its name. Raises SettingsError, also where there is no such method."""
    if method not in SETTINGS:
        raise SettingsError(f"There is no method '{method}'; choose from {', '.join(SETTINGS)}.")
    return settings_from(SETTINGS[method], values, method=method)
