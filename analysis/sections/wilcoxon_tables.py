"""The paired comparison of two arms as published: Wilcoxon signed-rank per question, label and target, with Holm."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.data.order import natural_order
from analysis.data.pairs import Pairs
from analysis.data.records import or_nan
from analysis.data.schema import ALL, LABELS
from analysis.sections.adjustment import adjusted_rows
from analysis.sections.columns import P_BH
from analysis.sections.wilcoxon import WILCOXON, WILCOXON_EXACT
from analysis.statistics.multiplicity import Adjustment
from analysis.statistics.shift import is_exact, signed_rank_p
from analysis.statistics.signed_rank import ZERO_METHOD, SignedRank, signed_rank

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
                test = signed_rank(pairs.of(question, label, target)["difference"].to_numpy())
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
    columns = [*WILCOXON.names, P_BH.name] if adjust == "bh" else WILCOXON.names
    return pd.DataFrame(rows, columns=columns), messages


def _row(question: str, label: str, target: str, test: SignedRank) -> dict[str, Any]:
    return {
        "question": question,
        "label": label,
        "target": target,
        "n_pairs": test.n_pairs,
        "mean_difference": or_nan(test.mean),
        "sd_difference": or_nan(test.sd),
        "statistic": or_nan(test.statistic),
        "p_value": or_nan(test.p_value),
        "rank_biserial": or_nan(test.rank_biserial),
    }


EXACT_OPTIONS: dict[str, str] = {
    "test": (
        "Wilcoxon signed-rank, zero differences dropped, ties at mid-ranks, two-sided; p by the distribution of the "
        "rank sum over all signs given these ranks (method exact), for more than some 450 pairs by the normal "
        "approximation"
    ),
    "caveat": "pairs are counted as independent, as published, which readings of one case are not",
}


def exact_table(frame: pd.DataFrame, pairs: Pairs, *, adjust: Adjustment = "holm") -> pd.DataFrame:
    """The published tests with exact p, per question, label and target ("all" first); empty where there is none."""
    rows: list[dict[str, Any]] = []
    targets = (ALL, *natural_order(frame["target"].unique()))
    for question in natural_order(frame["question"].unique()):
        of_question: list[dict[str, Any]] = []
        for label, target in itertools.product(LABELS, targets):
            differences = pairs.of(question, label, target)["difference"].to_numpy(dtype=np.float64)
            key = {"question": question, "label": label, "target": target}
            of_question.append({**key, **_test(differences)})
        rows.extend(adjusted_rows(of_question, adjust))
    return pd.DataFrame(rows, columns=WILCOXON_EXACT.names if adjust == "holm" else [*WILCOXON_EXACT.names, P_BH.name])


def _test(differences: NDArray[np.float64]) -> dict[str, Any]:
    n_pairs, nonzero = len(differences), differences[differences != 0]
    row = {"n_pairs": n_pairs, "n_nonzero": len(nonzero), "statistic": np.nan, "p_value": np.nan, "method": ""}
    if n_pairs < 2 or not len(nonzero):
        return row
    ranks = stats.rankdata(np.abs(nonzero))
    above, below = float(ranks[nonzero > 0].sum()), float(ranks[nonzero < 0].sum())
    method = "exact" if is_exact(n_pairs, n_pairs) else "normal approximation"
    p_value = signed_rank_p(np.arange(n_pairs), differences)
    return {**row, "statistic": min(above, below), "p_value": p_value, "method": method}
