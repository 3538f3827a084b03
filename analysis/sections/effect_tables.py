"""The effect of the second arm with cases as the independent units: bootstrap, sign-flip test, and period effect.

Answers of several readers on one case go together, so that a case's differences are resampled or flipped as one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.clustered import (
    Equivalence,
    case_reader_means,
    clustered_signed_rank,
    equivalence,
    rank_biserial,
    rank_biserial_interval,
)
from analysis.monte_carlo import LIMIT, UNKNOWN, PValue, holm_limits
from analysis.order import natural_order
from analysis.paired import Adjustment, Pairs, adjusted_rows, holm
from analysis.resampling import case_weights, percentile_interval, settled_interval, stream
from analysis.schema import ALL, LABELS
from analysis.shift import OPTIONS as SHIFT
from analysis.shift import signed_rank_shift
from analysis.sign_flip import sign_flip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.clusters import Clusters

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
EFFECT_COLUMNS = [
    "question",
    "label",
    "target",
    "n_cases",
    "n_pairs",
    "mean_difference",
    "ci_low",
    "ci_high",
    "p_value",
    "p_holm",
    "shift",
    "shift_low",
    "shift_high",
    "signed_rank_exact",
    "reader_correlation",
    "case_reader_low",
    "case_reader_high",
    "signed_rank_z",
    "signed_rank_p",
    "rank_biserial",
    "rank_biserial_low",
    "rank_biserial_high",
    "p_mc_low",
    "p_mc_high",
    "draws",
    "n_clusters",
    "cluster_low",
    "cluster_high",
    "cluster_p",
    "cluster_p_holm",
]
PERIOD_COLUMNS = [
    "question",
    "label",
    "n_pairs",
    "period_effect",
    "period_low",
    "period_high",
    "arm_effect",
    "arm_low",
    "arm_high",
    "carry_over",
    "carry_over_low",
    "carry_over_high",
]
EQUIVALENCE_COLUMNS = [
    "question",
    "label",
    "target",
    "n_cases",
    "margin",
    "mean_difference",
    "low_90",
    "high_90",
    "p_above_lower",
    "p_below_upper",
    "p_equivalence",
    "equivalent",
    "not_worse",
]
# With fewer cases an interval or test over cases says nothing.
MIN_CASES = 2
MIN_READERS = 2
ALIKE = "the differences of all cases are alike"


@dataclass(frozen=True)
class CaseEffect:
    """A mean difference judged over cases; what cannot be had is NaN and `reason` says why."""

    n_cases: int
    n_pairs: int
    mean: float
    ci_low: float
    ci_high: float
    p: PValue
    reason: str | None
    doubt: str | None = None  # what the draws of the interval leave open

    @property
    def p_value(self) -> float:
        """Of the sign flip of cases."""
        return self.p.value


def case_effect(
    cases: pd.Series[Any],
    differences: Floats,
    *,
    rng: np.random.Generator,
    draws: int,
    limits: Sequence[float] = (LIMIT,),
) -> CaseEffect:
    """Mean of the pairs' differences with case bootstrap interval and case-level sign-flip p.

    Where p must be drawn, there are draws enough to tell it from the `limits`, or `monte_carlo.MOST_DRAWS`.
    """
    n_pairs = len(differences)
    codes = _codes(cases)
    n_cases = int(codes.max() + 1) if n_pairs else 0
    sums: Floats = np.asarray(np.bincount(codes, differences), dtype=np.float64)
    counts: Floats = np.bincount(codes).astype(np.float64)
    mean = float(differences.mean()) if n_pairs else np.nan
    reason = None
    if n_pairs == 0:
        reason = "there is no pair"
    elif n_cases < MIN_CASES:
        reason = "there is only one case"
    elif not differences.any():
        reason = "all differences are zero"
    if reason is not None:
        return CaseEffect(n_cases, n_pairs, mean, np.nan, np.nan, UNKNOWN, reason)
    interval = settled_interval(lambda count: _means(rng, sums, counts, count), draws=draws)
    p = sign_flip(sums, rng=rng, draws=draws, limits=limits)
    return CaseEffect(n_cases, n_pairs, mean, interval.low, interval.high, p, None, interval.doubt)


def _means(rng: np.random.Generator, sums: Floats, counts: Floats, draws: int) -> Floats:
    """Means over pairs in so many resamples of cases with these sums and numbers of pairs."""
    weights = case_weights(rng, len(sums), draws)
    return np.asarray((weights @ sums) / (weights @ counts), dtype=np.float64)


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
            own = _select(pairs, question, label, target)
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
    columns = EFFECT_COLUMNS if adjust == "holm" else [*EFFECT_COLUMNS, "p_bh"]
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
    cases, readers = _codes(own["case"]), _codes(own["reader"])
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


def equivalence_table(
    frame: pd.DataFrame, pairs: Pairs, *, margin: float, seed: int, draws: int
) -> tuple[pd.DataFrame, list[str]]:
    """Two one-sided tests of the mean difference against a margin set beforehand, in points of the scale.

    `equivalent`: the 90% interval lies within the margin. `not_worse`: the second arm is not inferior, that is, scores
    true positives not lower, and false positives not higher, by the margin or more.
    """
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    targets = natural_order(frame["target"].unique())
    questions = natural_order(frame["question"].unique())
    for question, label, target in itertools.product(questions, LABELS, (ALL, *targets)):
        own = _select(pairs, question, label, target)
        codes, differences = _codes(own["case"]), own["difference"].to_numpy(dtype=np.float64)
        n_cases = int(codes.max()) + 1 if len(codes) else 0
        row: dict[str, Any] = {"question": question, "label": label, "target": target, "n_cases": n_cases}
        row |= {"margin": margin, "mean_difference": differences.mean() if len(own) else np.nan}
        if n_cases < MIN_CASES:
            where = f"{label}, {'all targets' if target == ALL else target}"
            messages.append(f"Equivalence, {question}, {where}: no test, because there are fewer than two cases.")
        else:
            sums = np.asarray(np.bincount(codes, differences), dtype=np.float64)
            counts = np.bincount(codes).astype(np.float64)
            found, doubt = _equivalence(
                sums, counts, margin, rng=stream(seed, "equivalence", question, label, target), draws=draws
            )
            if np.isnan(found.low):
                doubt = f"no test, because {ALIKE}"
            if doubt is not None:
                where = f"{label}, {'all targets' if target == ALL else target}"
                messages.append(f"Equivalence, {question}, {where}: {doubt}.")
            row |= {"low_90": found.low, "high_90": found.high, "p_equivalence": found.p_value}
            row |= {"p_above_lower": found.p_lower, "p_below_upper": found.p_upper}
            if not np.isnan(found.low):
                row["equivalent"] = bool(-margin < found.low and found.high < margin)
                row["not_worse"] = bool(found.low > -margin if label == "TP" else found.high < margin)
        rows.append(row)
    return pd.DataFrame(rows, columns=EQUIVALENCE_COLUMNS), messages


def _equivalence(
    sums: Floats, counts: Floats, margin: float, *, rng: np.random.Generator, draws: int
) -> tuple[Equivalence, str | None]:
    """The two one-sided tests, with draws enough to tell the 90% interval from the margins, or what they leave open."""
    drawn = settled_interval(
        lambda count: _means(rng, sums, counts, count), draws=draws, limits=(-margin, margin), level=0.9
    )
    mean = float(sums.sum() / counts.sum())
    return equivalence(mean, drawn.values, margin, n_cases=len(sums)), drawn.doubt


def reader_correlation(pairs: pd.DataFrame) -> float:
    """Mean correlation, over pairs of readers, of their differences on the same cases; NaN where it cannot be had."""
    wide = pairs.pivot_table(index="case", columns="reader", values="difference")
    wide = wide.loc[:, wide.std(ddof=0) > 0] if len(wide) else wide
    if len(wide.columns) < MIN_CASES:
        return np.nan
    matrix = wide.corr(min_periods=3).to_numpy(dtype=np.float64)
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    return float(np.nanmean(off_diagonal)) if not np.isnan(off_diagonal).all() else np.nan


def period_table(frame: pd.DataFrame, pairs: Pairs, *, seed: int, draws: int) -> tuple[pd.DataFrame, list[str]]:
    """Period effect, and arm effect adjusted for it, per question and label, with case bootstrap intervals."""
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    table = pairs.table[pairs.table["first_period"] != pairs.table["second_period"]]
    for question, label in itertools.product(natural_order(frame["question"].unique()), LABELS):
        own = table[(table["question"] == question) & (table["label"] == label)]
        row: dict[str, Any] = {"question": question, "label": label, "n_pairs": len(own)}
        row |= dict.fromkeys(PERIOD_COLUMNS[3:], np.nan)
        first_arm_first = (own["first_period"] < own["second_period"]).to_numpy()
        if not first_arm_first.any() or first_arm_first.all():
            messages.append(f"Period effect, {question}, {label}: none, because no cases were seen in both orders.")
        else:
            codes, differences = _codes(own["case"]), own["difference"].to_numpy(dtype=np.float64)
            weights = case_weights(stream(seed, "period", question, label), int(codes.max() + 1), draws)
            every = np.ones((1, weights.shape[1]))
            for name, sign in (("period", -1.0), ("arm", 1.0)):
                signed = np.where(first_arm_first, differences, sign * differences)
                row[f"{name}_effect"] = float(_mean_of_orders(every, codes, signed, first_arm_first)[0])
                resampled = _mean_of_orders(weights, codes, signed, first_arm_first)
                row[f"{name}_low"], row[f"{name}_high"] = percentile_interval(resampled)
            middle = (own["first"] + own["second"]).to_numpy(dtype=np.float64) / 2
            # Half the difference of the orders is what `_mean_of_orders` gives with the sign of the order.
            signed = np.where(first_arm_first, middle, -middle)
            row["carry_over"] = 2 * float(_mean_of_orders(every, codes, signed, first_arm_first)[0])
            resampled = 2 * _mean_of_orders(weights, codes, signed, first_arm_first)
            row["carry_over_low"], row["carry_over_high"] = percentile_interval(resampled)
            if np.isnan([row["period_low"], row["arm_low"], row["carry_over_low"]]).any():
                messages.append(f"Period effect, {question}, {label}: not every interval, because {ALIKE} or too few.")
        rows.append(row)
    return pd.DataFrame(rows, columns=PERIOD_COLUMNS), messages


def _mean_of_orders(weights: Floats, codes: NDArray[np.intp], values: Floats, first: NDArray[np.bool_]) -> Floats:
    """Average of the two orders' weighted means of the values, for each row of case weights."""
    total = np.zeros(len(weights))
    for order in (first, ~first):
        sums = np.bincount(codes[order], values[order], minlength=weights.shape[1])
        counts = np.bincount(codes[order], minlength=weights.shape[1]).astype(np.float64)
        size = weights @ counts
        mean = np.full(len(weights), np.nan)
        np.divide(weights @ sums, size, out=mean, where=size > 0)
        total += mean / 2
    return total


def _select(pairs: Pairs, question: str, label: str, target: str) -> pd.DataFrame:
    own = pairs.table[(pairs.table["question"] == question) & (pairs.table["label"] == label)]
    return own if target == ALL else own[own["target"] == target]


def _codes(cases: pd.Series[Any]) -> NDArray[np.intp]:
    """Numbers of the cases in natural order, so that a draw means the same case in any order of rows."""
    ranks = {case: rank for rank, case in enumerate(natural_order(cases.unique()))}
    return np.array([ranks[case] for case in cases], dtype=np.intp)
