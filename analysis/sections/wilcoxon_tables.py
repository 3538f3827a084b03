"""The paired comparison of two arms as published: Wilcoxon signed-rank per question, label and target, with Holm."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from analysis.errors import AnalysisError, UsageError
from analysis.order import natural_order
from analysis.resampling import LEVEL
from analysis.schema import ALL, LABELS

ZeroMethod = Literal["wilcox", "pratt", "zsplit"]
Adjustment = Literal["holm", "bh"]
# Stated, never left to a default: scipy's defaults changed between versions.
ZERO_METHOD: ZeroMethod = "wilcox"
OPTIONS: dict[str, str | bool | int] = {
    "zero_method": ZERO_METHOD,
    "correction": False,
    "method": "asymptotic",
    "alternative": "two-sided",
    "status": "as published",
    "sd_ddof": 0,
    "per_reader": "95% intervals of a reader's means by Student's t over the reader's pairs",
    "adjustment": "Holm",
    "family": "the target x label tests of one question; tests that cannot be computed are not counted",
}
# Below this many non-zero differences the normal approximation is coarse; the row stays, a message says so.
FEW_DIFFERENCES = 10
WILCOXON_COLUMNS = (
    "question",
    "label",
    "target",
    "n_pairs",
    "mean_difference",
    "sd_difference",
    "statistic",
    "p_value",
    "rank_biserial",
    "p_holm",
)
PER_READER_COLUMNS = [
    "question",
    "label",
    "reader",
    "n_pairs",
    "mean_first_arm",
    "mean_second_arm",
    "mean_difference",
    "ci_low",
    "ci_high",
    "sd_difference",
    "first_arm_low",
    "first_arm_high",
    "second_arm_low",
    "second_arm_high",
]


@dataclass(frozen=True)
class Pairs:
    """Pairs of one reader's answers to one question on one case, with the pairs that lack an arm kept apart."""

    arms: tuple[str, str]
    # The two answers are `first` and `second`, their periods `first_period` and `second_period`, and `difference`
    # is second - first; beside them stand question, reader, case, target and label.
    table: pd.DataFrame
    missing: pd.DataFrame  # question, reader, case, target, label, missing_arm
    repeats: int  # further readings of the same reader, case, arm and question, which no pair uses


@dataclass(frozen=True)
class SignedRank:
    """A Wilcoxon signed-rank test; a number that cannot be had is None and `reason` says why."""

    n_pairs: int
    n_nonzero: int
    mean: float | None
    sd: float | None  # ddof 0, as published
    statistic: float | None  # the smaller of the two rank sums
    p_value: float | None  # two-sided, normal approximation without continuity correction
    rank_biserial: float | None  # (W+ - W-) / (W+ + W-): positive when the second arm scores higher
    reason: str | None


def choose_arms(frame: pd.DataFrame, arms: tuple[str, str] | None) -> tuple[str, str] | None:
    """The two arms to compare: those asked for, or the two in the data in natural order; None where fewer exist.

    Raises AnalysisError when an arm asked for is unknown, or when the data hold more than two and none was asked for.
    """
    present = natural_order(frame["arm"].unique())
    if arms is not None:
        if arms[0] == arms[1]:
            raise UsageError(f"The arms to compare are both '{arms[0]}'. Name two different arms.")
        unknown = [arm for arm in arms if arm not in present]
        # An arm that nobody has answered yet is thin data; with two others in the data it is a wrong name.
        if unknown and (len(present) > 1 or (present and len(unknown) > 1)):
            raise AnalysisError(f"The data have no arm {' or '.join(unknown)}. Name two of: {', '.join(present)}.")
        return arms
    if len(present) > 2:
        names = ", ".join(present)
        raise AnalysisError(f"The data have {len(present)} arms: {names}. Name two to compare (--arms FIRST,SECOND).")
    return (present[0], present[1]) if len(present) == 2 else None


def make_pairs(frame: pd.DataFrame, arms: tuple[str, str]) -> Pairs:
    """Pair validated responses by (reader, case, question), never by position of the row.

    Where a reader saw a case more than once in an arm (hidden repeats) the earliest period and position counts.
    """
    keys = ["question", "reader", "case"]
    used = frame[frame["arm"].isin(arms)]
    # `validate` has put the rows of a reader and case in order of period and position.
    first_readings = used.drop_duplicates([*keys, "arm"], keep="first")
    of_the_case = first_readings.drop_duplicates(keys)[[*keys, "target", "label"]]
    table = of_the_case
    for name, arm in zip(("first", "second"), arms, strict=True):
        values = first_readings.loc[first_readings["arm"] == arm, [*keys, "value", "period"]]
        values = values.rename(columns={"value": name, "period": f"{name}_period"})
        table = table.merge(values, on=keys, how="left", validate="one_to_one")
    complete = table["first"].notna() & table["second"].notna()
    missing = table.loc[~complete, [*keys, "target", "label"]].reset_index(drop=True)
    missing["missing_arm"] = np.where(table.loc[~complete, "first"].isna(), arms[0], arms[1]).astype(str)
    table = table.loc[complete].reset_index(drop=True)
    table["difference"] = table["second"] - table["first"]
    return Pairs(arms, table, missing, repeats=len(used) - len(first_readings))


def signed_rank(differences: ArrayLike, *, zero_method: ZeroMethod = ZERO_METHOD) -> SignedRank:
    """Wilcoxon signed-rank test of paired differences, options as in `OPTIONS`.

    The matched-pairs rank-biserial correlation uses the ranks of the non-zero differences (Kerby 2014).
    """
    values: NDArray[np.float64] = np.asarray(differences, dtype=np.float64)
    n_pairs, n_nonzero = len(values), int(np.count_nonzero(values))
    mean = float(values.mean()) if n_pairs else None
    sd = float(values.std(ddof=0)) if n_pairs > 1 else None
    reason = None
    if n_pairs == 0:
        reason = "there is no pair"
    elif n_pairs == 1:
        reason = "there is only one pair"
    elif n_nonzero == 0:
        reason = "all differences are zero"
    if reason is not None:
        return SignedRank(n_pairs, n_nonzero, mean, sd, None, None, None, reason)
    # The stubs know "asymptotic" only under its former name "approx".
    result = stats.wilcoxon(  # type: ignore[call-overload]
        values, zero_method=zero_method, correction=False, alternative="two-sided", method="asymptotic"
    )
    nonzero = values[values != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    rank_biserial = float(np.sum(np.sign(nonzero) * ranks) / np.sum(ranks))
    return SignedRank(n_pairs, n_nonzero, mean, sd, float(result.statistic), float(result.pvalue), rank_biserial, None)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's step-down adjusted p-values; NaN stays NaN and does not count as a test."""
    values: NDArray[np.float64] = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    ascending = tested[np.argsort(values[tested], kind="stable")]
    factors = np.arange(len(ascending), 0, -1)
    adjusted[ascending] = np.minimum(1.0, np.maximum.accumulate(values[ascending] * factors))
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> NDArray[np.float64]:
    """Benjamini and Hochberg's (1995) step-up adjusted p-values; NaN stays NaN and does not count as a test."""
    values: NDArray[np.float64] = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(values.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(values))
    descending = tested[np.argsort(-values[tested], kind="stable")]
    factors = len(descending) / np.arange(len(descending), 0, -1)
    adjusted[descending] = np.minimum(1.0, np.minimum.accumulate(values[descending] * factors))
    return adjusted


def adjusted_rows(rows: list[dict[str, Any]], adjust: Adjustment) -> list[dict[str, Any]]:
    """The rows of one question with p_holm, and p_bh where asked for, over its tests per target."""
    p_values = [np.nan if row["target"] == ALL else row["p_value"] for row in rows]
    columns = {"p_holm": holm(p_values)}
    if adjust == "bh":
        columns["p_bh"] = benjamini_hochberg(p_values)
    return [{**row, **{name: values[index] for name, values in columns.items()}} for index, row in enumerate(rows)]


def wilcoxon_table(frame: pd.DataFrame, pairs: Pairs, *, adjust: Adjustment = "holm") -> tuple[pd.DataFrame, list[str]]:
    """The published test for every question, label and target of the data, "all" targets first; and its messages.

    With `adjust` "bh" there is a column p_bh beside p_holm.
    """
    messages: list[str] = []
    targets = natural_order(frame["target"].unique())
    rows: list[dict[str, Any]] = []
    for question in natural_order(frame["question"].unique()):
        few: list[str] = []
        of_question: list[dict[str, Any]] = []
        for label in LABELS:
            for target in (ALL, *targets):
                test = signed_rank(_select(pairs.table, question, label, target)["difference"].to_numpy())
                where = f"{label}, {'all targets' if target == ALL else target}"
                if test.reason is not None:
                    messages.append(f"Wilcoxon, {question}, {where}: no test, because {test.reason}.")
                elif test.n_nonzero < FEW_DIFFERENCES:
                    few.append(f"{where} ({test.n_nonzero})")
                of_question.append(_row(question, label, target, test))
        rows.extend(adjusted_rows(of_question, adjust))
        if few:
            messages.append(
                f"Wilcoxon, {question}: fewer than {FEW_DIFFERENCES} non-zero differences, so that the normal "
                f"approximation is coarse: {'; '.join(few)}."
            )
    columns = [*WILCOXON_COLUMNS, "p_bh"] if adjust == "bh" else list(WILCOXON_COLUMNS)
    return pd.DataFrame(rows, columns=columns), messages


def per_reader_table(frame: pd.DataFrame, pairs: Pairs) -> tuple[pd.DataFrame, list[str]]:
    """Means of both arms and of the differences per reader, with intervals: what pooling over few readers hides."""
    rows = []
    messages = []
    for question in natural_order(frame["question"].unique()):
        for label in LABELS:
            selected = _select(pairs.table, question, label, ALL)
            for reader in natural_order(frame["reader"].unique()):
                own = selected[selected["reader"] == reader]
                test = signed_rank(own["difference"].to_numpy())
                row = {
                    "question": question,
                    "label": label,
                    "reader": reader,
                    "n_pairs": test.n_pairs,
                    "mean_first_arm": own["first"].mean(),
                    "mean_second_arm": own["second"].mean(),
                    "mean_difference": _number(test.mean),
                    "sd_difference": _number(test.sd),
                }
                for start, name in (("ci", "difference"), ("first_arm", "first"), ("second_arm", "second")):
                    low, high = student_interval(own[name].to_numpy(dtype=np.float64))
                    row |= {f"{start}_low": low, f"{start}_high": high}
                    if np.isnan(low) and len(own) > 1:
                        what = "differences" if name == "difference" else f"scores in the {name} arm"
                        messages.append(
                            f"Reader {reader}, {question}, {label}: no interval of the mean, because all {what} are "
                            "equal."
                        )
                rows.append(row)
    return pd.DataFrame(rows, columns=PER_READER_COLUMNS), messages


def student_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95% interval of a mean by Student's t; NaN for fewer than two values and where all are equal."""
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return np.nan, np.nan
    margin = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    mean = float(values.mean())
    return mean - margin, mean + margin


def score_counts(frame: pd.DataFrame) -> pd.DataFrame:
    """How often each score was given (Figure F.4), per question, label, target ("all" first) and arm.

    Scores nobody gave in a group count 0 if somebody gave them to the same question; every reading counts.
    """
    rows = []
    arms = natural_order(frame["arm"].unique())
    for question, answers in frame.groupby("question", sort=False):
        scores = sorted(answers["value"].unique())
        counts = answers.groupby(["label", "target", "arm", "value"]).size()
        pooled = answers.groupby(["label", "arm", "value"]).size()
        for label in LABELS:
            for target in (ALL, *natural_order(frame["target"].unique())):
                for arm in arms:
                    for score in scores:
                        key = (label, arm, score) if target == ALL else (label, target, arm, score)
                        count = (pooled if target == ALL else counts).get(key, 0)
                        rows.append((str(question), label, target, arm, float(score), int(count)))
    table = pd.DataFrame(rows, columns=["question", "label", "target", "arm", "value", "count"])
    order = {question: rank for rank, question in enumerate(natural_order(table["question"].unique()))}
    return table.sort_values("question", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)


def _select(table: pd.DataFrame, question: str, label: str, target: str) -> pd.DataFrame:
    chosen = (table["question"] == question) & (table["label"] == label)
    if target != ALL:
        chosen &= table["target"] == target
    return table[chosen]


def _row(question: str, label: str, target: str, test: SignedRank) -> dict[str, Any]:
    return {
        "question": question,
        "label": label,
        "target": target,
        "n_pairs": test.n_pairs,
        "mean_difference": _number(test.mean),
        "sd_difference": _number(test.sd),
        "statistic": _number(test.statistic),
        "p_value": _number(test.p_value),
        "rank_biserial": _number(test.rank_biserial),
    }


def _number(value: float | None) -> float:
    """Tables hold NaN for what cannot be had, so that their columns stay numeric; files hold an empty cell or null."""
    return np.nan if value is None else value
