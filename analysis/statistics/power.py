"""Power and sample size of a comparison of two treatments, from the Obuchowski-Rockette components of a pilot.

Hillis, Obuchowski and Berbaum 2011 (Acad Radiol 18:129): error covariances shrink in proportion to the number of cases,
of which as large a share has the condition as in the pilot; the variance between readers does not. The planned study
has two treatments, read by every reader on every case.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, get_args

import numpy as np
from scipy import stats

from analysis.data.errors import AnalysisError, UsageError
from analysis.statistics.generalisation import Name

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

ANALYSES: tuple[Name, ...] = get_args(Name)
ALPHA = 0.05
TARGET = 0.8
# Further than this nobody plans, and a study that needs more is called out of reach.
MAX_CASES = 100_000
MAX_READERS = 500
_MIN_CASES = 4
# Standard errors between the effect and the margin beyond which the distribution is not computed.
_CERTAIN = 20.0


@dataclass(frozen=True)
class Components:
    """What a pilot tells about the planned study: the effect to find and what it is to be found in."""

    effect: float  # difference of the two treatments' figures of merit
    var_tr: float  # reader-by-treatment variance; a negative estimate counts as 0
    var_error: float
    cov1: float  # same reader, different treatments
    cov2: float  # different readers, same treatment
    cov3: float  # different readers, different treatments
    cases: int  # of the pilot, to which the error variance and covariances belong


@dataclass(frozen=True)
class Comparison:
    """Which test will be made of the study.

    Without a margin: two-sided, at `alpha`. With one: that the second treatment is not worse than the first by the
    margin (non-inferiority), one-sided at alpha / 2, for a true difference of `effect` in favour of the second.
    """

    analysis: Name = "RRRC"
    alpha: float = ALPHA
    margin: float | None = None


def check_components(components: Components) -> Components:
    """The same components, if power can be had from them; raises AnalysisError."""
    absent = [field.name for field in fields(components) if np.isnan(getattr(components, field.name))]
    if absent:
        raise AnalysisError(
            f"The pilot does not tell {', '.join(absent)} (with one reader it cannot). Give them as options."
        )
    if components.cases < 1:
        raise AnalysisError(f"A pilot of {components.cases} cases is none. Give the number of its cases.")
    if not components.var_error > 0 or components.var_error < components.cov1:
        raise AnalysisError(
            f"Var(error) is {components.var_error:g} and Cov1 {components.cov1:g}. Var(error) must be above 0 and Cov1."
        )
    return components


def power(components: Components, readers: ArrayLike, cases: ArrayLike, test: Comparison | None = None) -> Floats:
    """Power for numbers of readers and of cases (broadcast against each other).

    Random readers need at least two of them: with one the power is NaN. RRFC generalises to other readers of cases like
    these, so that cases count by their number only.
    """
    test = test or Comparison()
    c, alpha = components, test.alpha
    if not 0 < alpha < 1:
        raise UsageError(f"Alpha is {alpha:g}. Give a number between 0 and 1, such as 0.05.")
    r, k = np.broadcast_arrays(np.asarray(readers, dtype=np.float64), np.asarray(cases, dtype=np.float64))
    scale = c.cases / k
    between = max(c.var_tr, 0.0) if test.analysis != "FRRC" else 0.0
    shared = max(c.cov2 - c.cov3, 0.0)
    # What a mean square of treatments by readers would estimate, and what it is to be divided by.
    mean_square = between + scale * np.maximum(c.var_error - c.cov1 - shared, 0.0)
    error = mean_square if test.analysis == "RRFC" else between + scale * (c.var_error - c.cov1 + (r - 1) * shared)
    with np.errstate(divide="ignore", invalid="ignore"):
        if test.analysis == "FRRC":
            # The published tables have cases - 1 here, which hardly differs from the chi-squared test of the analysis.
            df = k - 1
        elif test.analysis == "RRFC":
            df = r - 1
        else:
            df = np.where(mean_square > 0, (error / mean_square) ** 2, np.inf) * (r - 1)
        # The distributions are not had at 0 or infinity, where these are the same to nine digits.
        df = np.minimum(df, 1e7)
        if test.margin is None:
            found = stats.ncf.sf(stats.f.isf(alpha, 1, df), 1, df, np.maximum(r * c.effect**2 / 2 / error, 1e-9))
        else:
            distance = (c.effect + test.margin) * np.sqrt(r / 2 / error)
            found = stats.nct.sf(stats.t.isf(alpha / 2, df), df, distance)
            found = np.where(np.abs(distance) > _CERTAIN, distance > 0, found)
    return np.where(df > 0, np.clip(found, 0.0, 1.0), np.nan)


def cases_needed(
    components: Components, readers: int, *, target: float = TARGET, test: Comparison | None = None
) -> int | None:
    """The least number of cases that gives this many readers the power; None if no number up to `MAX_CASES` does."""
    return _least(lambda cases: power(components, readers, cases, test), _MIN_CASES, MAX_CASES, target)


def readers_needed(
    components: Components, cases: int, *, target: float = TARGET, test: Comparison | None = None
) -> int | None:
    """The least number of readers that gives this many cases the power; None if no number up to `MAX_READERS` does."""
    least = 1 if test is not None and test.analysis == "FRRC" else 2
    return _least(lambda readers: power(components, readers, cases, test), least, MAX_READERS, target)


def truncations(components: Components) -> list[str]:
    """What counts as 0 in the calculation because its estimate is negative, in sentences."""
    c = components
    found = []
    if c.var_tr < 0:
        found.append(
            f"The reader-by-treatment variance is negative ({c.var_tr:.3g}); it counts as 0 and may well be larger."
        )
    if c.cov2 < c.cov3:
        found.append(
            f"Cov2 ({c.cov2:.3g}) is below Cov3 ({c.cov3:.3g}); their difference counts as 0, also in Var(TR) (Hillis "
            "2011, equation 9)."
        )
    shared = positive_part(c.cov2 - c.cov3)
    if c.var_error - c.cov1 - shared < 0:
        found.append("Var(error) - Cov1 - (Cov2 - Cov3) is negative; it counts as 0 in the mean square of readers.")
    return found


def with_effect(components: Components, effect: float | None) -> Components:
    """The components with another effect, if one is given."""
    return components if effect is None else replace(components, effect=effect)


def positive_part(value: float) -> float:
    """The larger of value and 0; NaN stays NaN."""
    return value if np.isnan(value) else max(value, 0.0)


def _least(of: Callable[[Floats], Floats], start: int, stop: int, target: float) -> int | None:
    if not 0 < target < 1:
        raise UsageError(f"A power of {target:g} cannot be asked for. Give a number between 0 and 1, such as 0.8.")
    # Power need not grow at every step (degrees of freedom change too), so that each number is looked at.
    while start <= stop:
        numbers = np.arange(start, min(4 * start + 100, stop + 1))
        enough = np.flatnonzero(of(numbers.astype(np.float64)) >= target)
        if len(enough):
            return int(numbers[enough[0]])
        start = int(numbers[-1]) + 1
    return None
