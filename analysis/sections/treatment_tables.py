"""Tables of a comparison of treatments, and what is to be said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.data.ratings import Ratings
from analysis.mrmc.merit import Covariance, Resampling, perfect_interval
from analysis.mrmc.obuchowski_rockette import LEVEL, ObuchowskiRockette
from analysis.sections.treatments import (
    COMPONENTS,
    DIFFERENCES,
    READERS_AUC,
    READERS_DIFFERENCES,
    TESTS,
    TREATMENTS_AUC,
)
from analysis.statistics.monte_carlo import CONFIDENCE, LIMIT

if TYPE_CHECKING:
    from analysis.mrmc.obuchowski_rockette import Analysis, Estimate

_COMPONENT_NAMES = {
    "ms_treatment": "MS(T)",
    "ms_reader": "MS(R)",
    "ms_treatment_reader": "MS(TR)",
    "var_error": "Var(error)",
    "cov1": "Cov1",
    "cov2": "Cov2",
    "cov3": "Cov3",
    "var_reader": "Var(R)",
    "var_treatment_reader": "Var(TR)",
}


_TABLES = (READERS_AUC, COMPONENTS, TESTS, DIFFERENCES, TREATMENTS_AUC, READERS_DIFFERENCES)


def mrmc_options(covariance: Covariance, resampling: Resampling | None = None) -> dict[str, Any]:
    """State the options of the analysis, as provenance and methods name them."""
    drawn = resampling or Resampling()
    of_bootstrap = f" of cases within each truth, {drawn.draws} draws, seed {drawn.seed}"
    return {
        "auc": "trapezoidal (Wilcoxon), ties counting one half",
        "covariance": covariance + (of_bootstrap if covariance == "bootstrap" else ""),
        "level": LEVEL,
        "difference": "first - second treatment of the row",
        "incomplete": "cases that a reader did not rate with every treatment are left out",
        "one_reader": (
            "a reader's AUC has a normal interval within 0 and 1; an AUC of 0 or 1 has Clopper and Pearson's of as "
            "many independent pairs as there are cases of the rarer truth"
        ),
        "within_targets": "over pairs of cases of the same target; a target weighs as many pairs as it has",
        "headline": (
            "RRRC, but FRRC with the table per reader where there are fewer than 5 readers, Var(TR) is negative, or "
            "the standard error of RRRC is below that of FRRC"
        ),
    }


def mrmc_tables(ratings: Ratings, result: ObuchowskiRockette) -> dict[str, pd.DataFrame]:
    """Give the result as tables with the columns of `treatments`; df is empty where it is infinite."""
    standard_errors = np.sqrt(np.diag(result.covariance)).reshape(result.estimates.shape)
    rows: dict[str, list[list[Any]]] = {table.name: [] for table in _TABLES}
    pairs = independent_pairs(ratings)
    for (i, treatment), (j, reader) in (
        (a, b) for a in enumerate(ratings.treatments) for b in enumerate(ratings.readers)
    ):
        value, se = float(result.estimates[i, j]), float(standard_errors[i, j])
        rows[READERS_AUC.name].append([treatment, reader, value, se, *_one_auc(value, se, pairs)])
    for field, name in _COMPONENT_NAMES.items():
        rows[COMPONENTS.name].append([name, getattr(result.components, field)])
    for item in result.analyses:
        headline = item.name == result.headline
        test = [item.distribution, item.statistic, item.df1, _finite(item.df2), item.p_value, _note(item, result)]
        rows[TESTS.name].append([item.name, headline, *test])
        for (first, second), estimate in item.differences.items():
            numbers = [estimate.value, estimate.se, _finite(estimate.df), estimate.ci_low, estimate.ci_high]
            rows[DIFFERENCES.name].append([item.name, first, second, *numbers, estimate.p_value])
        for treatment, estimate in item.treatments.items():
            limits = estimate.ci_low, estimate.ci_high
            if np.isnan(limits[0]) and item.name == "FRRC":
                limits = perfect_interval(estimate.value, pairs)
            numbers = [estimate.value, estimate.se, _finite(estimate.df), *limits]
            rows[TREATMENTS_AUC.name].append([item.name, treatment, *numbers])
    for (reader, first, second), estimate in result.per_reader.items():
        rows[READERS_DIFFERENCES.name].append([reader, first, second, *_without_df(estimate)])
    return {table.name: pd.DataFrame(rows[table.name], columns=table.names) for table in _TABLES}


def mrmc_messages(ratings: Ratings, result: ObuchowskiRockette) -> list[str]:
    """Say what was left out, what cannot be had, and which analysis to report first."""
    messages = []
    if ratings.excluded:
        messages.append(
            f"Reader {', '.join(ratings.excluded)} is left out: fewer than 2 cases with or without the condition have "
            "all ratings of this reader."
        )
    if ratings.incomplete:
        messages.append(
            f"{len(ratings.incomplete)} cases are left out, because a reader did not rate them with every treatment: "
            f"{', '.join(ratings.incomplete[:10])}{' and more' if len(ratings.incomplete) > 10 else ''}."
        )
    messages += [f"{item.name}: no test, because {item.reason}." for item in result.analyses if item.reason is not None]
    messages += _truncations(ratings, result)
    messages += [
        f"Every reader's AUC is {value:g} with {treatment}: nothing varies, so that its interval is that of "
        f"{independent_pairs(ratings)} independent pairs (FRRC), and differences from it take it as known exactly."
        for treatment, own in zip(ratings.treatments, result.estimates, strict=True)
        for value in (0.0, 1.0)
        if (own == value).all()
    ]
    if result.distrust:
        messages.append(
            "Random-reader inference (RRRC) is not to be trusted here, because "
            f"{' and '.join(result.distrust)}: report the fixed-reader result (FRRC) with the table per reader."
        )
    return messages


def draws_left_open(result: ObuchowskiRockette, draws: int) -> list[str]:
    """How far the draws of a bootstrap covariance leave the p-values of FRRC open, in sentences.

    A variance of so many draws has a relative standard error of sqrt(2 / draws).
    """
    off = float(stats.norm.ppf((1 + CONFIDENCE) / 2)) * np.sqrt(2 / draws)
    found = []
    for (first, second), estimate in result.analysis("FRRC").differences.items():
        if np.isnan(estimate.se):
            continue
        z = abs(estimate.value) / estimate.se
        low, high = (float(2 * stats.norm.sf(z / np.sqrt(max(1 + sign * off, 1e-9)))) for sign in (-1, 1))
        undecided = " That does not tell on which side of .05 it is: ask for more draws (--draws)."
        decided = not low < LIMIT < high
        found.append(
            f"FRRC, {first} - {second}: p is {estimate.p_value:.4f}, by {draws:,} draws of the covariance {low:.4f} to "
            f"{high:.4f} (99% Monte Carlo interval).{'' if decided else undecided}"
        )
    return found


def independent_pairs(ratings: Ratings) -> int:
    """How many pairs of a case with and one without the condition there are, each case in one pair."""
    positive = int(ratings.truth.sum())
    return min(positive, len(ratings.truth) - positive)


def _one_auc(value: float, se: float, pairs: int) -> tuple[float, float]:
    """95% interval of one reader's AUC with one treatment: normal, within 0 and 1; exact where the AUC is an end."""
    if not se > 0:
        return perfect_interval(value, pairs)
    margin = float(stats.norm.ppf((1 + LEVEL) / 2)) * se
    return max(value - margin, 0.0), min(value + margin, 1.0)


def _truncations(ratings: Ratings, result: ObuchowskiRockette) -> list[str]:
    """What counts as 0 because its estimate is negative, in sentences."""
    c = result.components
    found = []
    if c.cov2 < c.cov3:
        found.append(
            f"Cov2 ({c.cov2:.3g}) is below Cov3 ({c.cov3:.3g}): their difference counts as 0 in RRRC and FRRC, not in "
            "Var(TR)."
        )
    t, r = result.estimates.shape
    blocks = result.covariance.reshape(t, r, t, r)
    others = ~np.eye(r, dtype=bool)
    negative = [name for i, name in enumerate(ratings.treatments) if r > 1 and blocks[i, :, i, :][others].mean() < 0]
    if negative:
        found.append(
            f"Cov2 of {', '.join(negative)} by itself is negative: it counts as 0 in the interval of its mean AUC "
            "(RRRC)."
        )
    return found


def _note(item: Analysis, result: ObuchowskiRockette) -> str:
    """Why there is no test, or why not to trust it."""
    if item.reason is not None:
        return f"no test: {item.reason}"
    return f"not to be trusted: {'; '.join(result.distrust)}" if item.name == "RRRC" and result.distrust else ""


def _without_df(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.se, estimate.ci_low, estimate.ci_high, estimate.p_value]


def _finite(df: float) -> float:
    return df if np.isfinite(df) else np.nan
