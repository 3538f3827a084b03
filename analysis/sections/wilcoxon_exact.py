"""Wilcoxon's signed-rank test with its exact distribution, beside the normal approximation that was published."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.order import natural_order
from analysis.paired import Adjustment, Pairs, adjusted_rows
from analysis.schema import ALL, LABELS
from analysis.shift import is_exact, signed_rank_p

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = [
    "question",
    "label",
    "target",
    "n_pairs",
    "n_nonzero",
    "statistic",
    "p_value",
    "method",
    "p_holm",
]
OPTIONS: dict[str, str] = {
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
            own = (pairs.table["question"] == question) & (pairs.table["label"] == label)
            if target != ALL:
                own &= pairs.table["target"] == target
            differences = pairs.table.loc[own, "difference"].to_numpy(dtype=np.float64)
            key = {"question": question, "label": label, "target": target}
            of_question.append({**key, **_test(differences)})
        rows.extend(adjusted_rows(of_question, adjust))
    return pd.DataFrame(rows, columns=COLUMNS if adjust == "holm" else [*COLUMNS, "p_bh"])


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
