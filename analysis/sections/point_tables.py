"""Sensitivity and specificity at a score threshold, per treatment and reader, with paired comparisons.

One reader: Wilson interval; difference of paired proportions with Newcombe's score interval (Newcombe 1998, Stat Med
17:2635, method 10) and McNemar's exact test. All readers: Obuchowski and Rockette with these figures of merit.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd
from scipy import stats

from analysis.data.schema import ALL
from analysis.mrmc.merit import Side, perfect_interval, point_merit
from analysis.mrmc.obuchowski_rockette import LEVEL, compare
from analysis.sections.treatments import ONE_READER, POINT_DIFFERENCES, POINTS
from analysis.statistics.intervals import newcombe, wilson

if TYPE_CHECKING:
    from analysis.data.ratings import Ratings
    from analysis.mrmc.merit import Covariance, Merit, Resampling
    from analysis.mrmc.obuchowski_rockette import Estimate


_TABLES = (POINTS, POINT_DIFFERENCES)


def point_options(threshold: float | None) -> dict[str, Any]:
    """State the options as provenance and methods name them; no threshold means that each question has its own."""
    return {
        "threshold": threshold,
        "call": "a score at or above the threshold calls the condition present",
        "default_threshold": (
            "the lowest score above the middle of the question's scale; where the scale is not given, above the middle "
            "of all scores given, which a note says"
        ),
        "one_reader": "Wilson interval; paired difference with Newcombe's score interval; McNemar's exact test",
        "all_readers": (
            "mean over readers, compared by Obuchowski and Rockette with covariances over cases; intervals are cut at "
            "the ends of what a share can be; where every reader is right on every case, Clopper and Pearson's interval"
        ),
        "level": LEVEL,
    }


def middle_threshold(scores: np.ndarray[Any, np.dtype[np.float64]], scale: tuple[float, float] | None) -> float | None:
    """The lowest score above the middle of the scale (lowest, highest), whether anybody gave it or not.

    Scores that are not whole have the lowest of those given above the middle, which divides them alike. Without a scale
    the middle is that of the scores given; None where all of those are equal.
    """
    given = np.unique(scores[~np.isnan(scores)])
    if scale is None:
        if len(given) < 2:
            return None
        middle = float(given[0] + given[-1]) / 2
    else:
        middle = (scale[0] + scale[1]) / 2
    whole = np.all(given == np.round(given)) and scale is not None
    above = given[given > middle]
    return float(np.floor(middle) + 1) if whole or not len(above) else float(above[0])


def point_tables(
    ratings: Ratings, threshold: float, *, covariance: Covariance = "jackknife", resampling: Resampling | None = None
) -> dict[str, pd.DataFrame]:
    """Tables with the columns of `treatments`, readers in natural order after "all".

    `only_first` and `only_second` count the cases that one reader judged rightly with one treatment alone.
    """
    rows: dict[str, list[list[Any]]] = {table.name: [] for table in _TABLES}
    for side in get_args(Side):
        merit = point_merit(ratings, side, threshold, covariance=covariance, resampling=resampling)
        called = ratings.scores >= threshold
        right = called[:, :, ratings.truth] if side == "sensitivity" else ~called[:, :, ~ratings.truth]
        rows[POINTS.name] += [[side, threshold, *row] for row in _points(ratings, merit, right)]
        rows[POINT_DIFFERENCES.name] += [[side, threshold, *row] for row in _differences(ratings, merit, right)]
    return {table.name: pd.DataFrame(rows[table.name], columns=table.names) for table in _TABLES}


def _points(ratings: Ratings, merit: Merit, right: np.ndarray[Any, np.dtype[np.bool_]]) -> list[list[Any]]:
    result = compare(merit, ratings.treatments, ratings.readers)
    cases = right.shape[2]
    rows: list[list[Any]] = []
    for i, treatment in enumerate(ratings.treatments):
        mean = result.analysis("FRRC").treatments[treatment]
        limits = _bounded(mean, low=0.0)
        if np.isnan(limits[0]):
            limits = perfect_interval(mean.value, cases)
        rows.append([treatment, ALL, cases, mean.value, *limits])
        for j, reader in enumerate(ratings.readers):
            count = int(right[i, j].sum())
            rows.append([treatment, reader, cases, count / cases, *wilson(count, cases)])
    return rows


def _differences(ratings: Ratings, merit: Merit, right: np.ndarray[Any, np.dtype[np.bool_]]) -> list[list[Any]]:
    result = compare(merit, ratings.treatments, ratings.readers)
    cases = right.shape[2]
    rows: list[list[Any]] = []
    for analysis in result.analyses:
        for (first, second), estimate in analysis.differences.items():
            limits = _bounded(estimate, low=-1.0)
            shown = [cases, np.nan, np.nan, estimate.value, *limits, estimate.p_value]
            rows.append([analysis.name, analysis.name == result.headline, ALL, first, second, *shown])
    for j, reader in enumerate(ratings.readers):
        for a, b in itertools.combinations(range(len(ratings.treatments)), 2):
            both, one, other = (
                int(np.sum(right[a, j] & right[b, j])),
                int(np.sum(right[a, j] & ~right[b, j])),
                int(np.sum(~right[a, j] & right[b, j])),
            )
            limits = newcombe(both, one, other, cases - both - one - other)
            p_value = float(stats.binomtest(one, one + other, 0.5).pvalue) if one + other else 1.0
            names = [reader, ratings.treatments[a], ratings.treatments[b]]
            rows.append([ONE_READER, False, *names, cases, one, other, (one - other) / cases, *limits, p_value])
    return rows


def _bounded(estimate: Estimate, *, low: float) -> tuple[float, float]:
    """The interval within what the figure can be."""
    return float(np.clip(estimate.ci_low, low, 1)), float(np.clip(estimate.ci_high, low, 1))
