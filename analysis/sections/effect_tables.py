"""The effect of the second arm with cases as the independent units, per question, label and target."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.pairs import Pairs
from analysis.data.schema import ALL, LABELS
from analysis.sections.adjustment import adjusted_rows
from analysis.sections.columns import P_BH
from analysis.sections.effect import EFFECT
from analysis.statistics.case_effect import ALIKE, CaseEffect, case_effect
from analysis.statistics.clustered import (
    case_reader_means,
    clustered_signed_rank,
    rank_biserial,
    rank_biserial_interval,
)
from analysis.statistics.monte_carlo import LIMIT, holm_limits
from analysis.statistics.multiplicity import Adjustment, holm
from analysis.statistics.resampling import case_codes, percentile_interval, stream
from analysis.statistics.shift import OPTIONS as SHIFT
from analysis.statistics.shift import signed_rank_shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.data.clusters import Clusters

    Floats = NDArray[np.float64]

OPTIONS: dict[str, str] = {
    "estimand": "mean difference over pairs, every pair counting the same",
    "interval": (
        "95% percentile bootstrap of cases, all pairs of a case together, with up to 16,000 draws where fewer do not "
        "tell on which side of 0 an end is"
    ),
    "p_value": (
        "two-sided test that flips the signs of all differences of a case together: exact, by the distribution of the "
        "sum over all flips, where the cases' sums are multiples of one step as those of scores are, or are 32 or "
        "fewer; otherwise by draws"
    ),
    "case_reader_interval": (
        "95% percentile bootstrap of cases and, independently, of readers (conservative; with fewer than 5 readers it "
        "tells little of other readers)"
    ),
    "signed_rank": (
        "clustered signed-rank test of Rosner, Glynn and Lee (2006; signed_rank_p): zero differences dropped, signs of "
        "whole cases random, cases of unequal size weighted (a negative correlation within cases counts as 0), "
        "normal approximation, two-sided"
    ),
    "rank_biserial": "matched-pairs rank-biserial correlation of all pairs with a 95% percentile bootstrap of cases",
    "shift": f"Hodges-Lehmann, {SHIFT['estimate']}; interval: {SHIFT['interval']}; test: {SHIFT['test']}",
    "adjustment": "Holm over the target x label tests of one question",
    "family": "the target x label tests (p_value) of one question; tests that cannot be computed are not counted",
    "period": (
        "mean of (later - earlier period) within the pairs that saw the first arm first and within those that saw the "
        "second arm first, averaged; the arm effect adjusted for period likewise"
    ),
    "carry_over": (
        "mean of the two scores of a pair where the first arm came first, minus that where the second arm came first; "
        "it also holds whatever else differs between the two sets of cases"
    ),
    "equivalence": (
        "two one-sided tests at 5% of the mean difference against the margin: the 90% percentile interval of the "
        "bootstrap of cases must lie within; p-values by Student's t with the bootstrap's standard error"
    ),
}
MIN_READERS = 2


def effect_table(
    frame: pd.DataFrame,
    pairs: Pairs,
    *,
    seed: int,
    draws: int,
    adjust: Adjustment = "holm",
    clusters: Clusters | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """The effect per question, label and target ("all" first), with the correlation of the readers' differences.

    With `adjust` "bh" there is a column p_bh beside p_holm. Where `clusters` are not the cases themselves, interval and
    p with clusters as units stand in columns of their own.
    """
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    targets = natural_order(frame["target"].unique())
    family = holm_limits(len(LABELS) * len(targets))
    for question in natural_order(frame["question"].unique()):
        of_question: list[dict[str, Any]] = []
        of_ranks: dict[str, list[str]] = {}  # what is to be said of ranks -> the rows of which it is true
        for label, target in itertools.product(LABELS, (ALL, *targets)):
            own = pairs.of(question, label, target)
            differences = own["difference"].to_numpy(dtype=np.float64)
            rng = stream(seed, "effect", question, label, target)
            limits = (LIMIT,) if target == ALL else family
            found = case_effect(own["case"], differences, rng=rng, draws=draws, limits=limits)
            where = f"{label}, {'all targets' if target == ALL else target}"
            if found.reason is not None:
                messages.append(f"Effect over cases, {question}, {where}: no test, because {found.reason}.")
            elif np.isnan(found.ci_low):
                messages.append(f"Effect over cases, {question}, {where}: no interval, because {ALIKE}.")
            doubts = [found.p.doubt(limits), found.doubt]
            messages.extend(f"Effect over cases, {question}, {where}: {doubt}." for doubt in doubts if doubt)
            row = {
                "question": question,
                "label": label,
                "target": target,
                "n_cases": found.n_cases,
                "n_pairs": found.n_pairs,
                "mean_difference": found.mean,
                "ci_low": found.ci_low,
                "ci_high": found.ci_high,
                "p_value": found.p_value,
                "reader_correlation": reader_correlation(own),
                **found.p.columns,
            }
            if found.reason is None:
                rng = stream(seed, "effect of ranks", question, label, target)
                more, remarks = _ranks_and_readers(own, differences, rng=rng, draws=draws)
                row |= more
                for remark in remarks:
                    of_ranks.setdefault(remark, []).append(where)
            if clusters is not None and clusters.known:
                rng = stream(seed, "effect of clusters", question, label, target)
                more, remarks = _over_clusters(own, differences, clusters, found, rng=rng, draws=draws, limits=limits)
                row |= more
                messages.extend(f"Effect over clusters, {question}, {where}: {remark}." for remark in remarks)
            of_question.append(row)
        messages.extend(f"Signed ranks, {question}: {remark} ({'; '.join(of)})." for remark, of in of_ranks.items())
        rows.extend(_with_cluster_holm(adjusted_rows(of_question, adjust)))
    columns = EFFECT.names if adjust == "holm" else [*EFFECT.names, P_BH.name]
    if rows and frame["reader"].nunique() < MIN_READERS:
        messages.append("Effect over cases: no interval over cases and readers, because there is one reader.")
    return pd.DataFrame(rows, columns=columns), messages


def _over_clusters(
    own: pd.DataFrame,
    differences: Floats,
    clusters: Clusters,
    over_cases: CaseEffect,
    *,
    rng: np.random.Generator,
    draws: int,
    limits: Sequence[float],
) -> tuple[dict[str, float], list[str]]:
    """What clusters add to a row of the effect (number; interval and p where they are not the cases), and doubts."""
    units = clusters.of(own["case"])
    row: dict[str, float] = {"n_clusters": units.nunique()}
    doubts: list[str] = []
    if clusters.are_cases:
        return row, doubts
    if row["n_clusters"] == over_cases.n_cases:
        found = over_cases
    else:
        found = case_effect(units, differences, rng=rng, draws=draws, limits=limits)
        doubts += [doubt for doubt in (found.p.doubt(limits), found.doubt) if doubt]
        if row["n_clusters"] == 1:
            doubts.append("no test, because all cases are one cluster")
        elif found.reason is None and np.isnan(found.ci_low):
            doubts.append("no interval, because the differences of all clusters are alike")
    row |= {"cluster_low": found.ci_low, "cluster_high": found.ci_high, "cluster_p": found.p_value}
    return row, doubts


def _with_cluster_holm(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one question with Holm's adjustment of cluster_p over its tests per target."""
    adjusted = holm([np.nan if row["target"] == ALL else row.get("cluster_p", np.nan) for row in rows])
    return [{**row, "cluster_p_holm": value} for row, value in zip(rows, adjusted, strict=True)]


def _ranks_and_readers(
    own: pd.DataFrame, differences: Floats, *, rng: np.random.Generator, draws: int
) -> tuple[dict[str, float], list[str]]:
    """What ranks and readers add to a row of the effect, and remarks."""
    cases, readers = case_codes(own["case"]), case_codes(own["reader"])
    test = clustered_signed_rank(cases, differences)
    low, high = rank_biserial_interval(cases, differences, rng=rng, draws=draws)
    shift = signed_rank_shift(cases, differences)
    row = {
        "shift": shift.estimate,
        "shift_low": shift.low,
        "shift_high": shift.high,
        "signed_rank_exact": shift.p_value,
        "signed_rank_z": test.statistic,
        "signed_rank_p": test.p_value,
        "rank_biserial": rank_biserial(differences),
        "rank_biserial_low": low,
        "rank_biserial_high": high,
    }
    if readers.max() + 1 >= MIN_READERS:
        means = case_reader_means(cases, readers, differences, rng=rng, draws=draws)
        row["case_reader_low"], row["case_reader_high"] = percentile_interval(means)
    remarks = [] if test.reason is None else [f"no clustered test, because {test.reason}"]
    return row, remarks if shift.remark is None else [*remarks, shift.remark]


def reader_correlation(pairs: pd.DataFrame) -> float:
    """Mean correlation, over pairs of readers, of their differences on the same cases; NaN where it cannot be had."""
    wide = pairs.pivot_table(index="case", columns="reader", values="difference")
    wide = wide.loc[:, wide.std(ddof=0) > 0] if len(wide) else wide
    if len(wide.columns) < MIN_READERS:
        return np.nan
    matrix = wide.corr(min_periods=3).to_numpy(dtype=np.float64)
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    return float(np.nanmean(off_diagonal)) if not np.isnan(off_diagonal).all() else np.nan
