"""Equivalence and non-inferiority: the effect over cases against a margin that was set beforehand."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.pairs import Pairs
from analysis.data.schema import ALL, LABELS
from analysis.sections.equivalence import EQUIVALENCE
from analysis.statistics.case_effect import ALIKE, MIN_CASES, equivalence_over_cases
from analysis.statistics.resampling import case_codes, stream


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
        own = pairs.of(question, label, target)
        codes, differences = case_codes(own["case"]), own["difference"].to_numpy(dtype=np.float64)
        n_cases = int(codes.max()) + 1 if len(codes) else 0
        row: dict[str, Any] = {"question": question, "label": label, "target": target, "n_cases": n_cases}
        row |= {"margin": margin, "mean_difference": differences.mean() if len(own) else np.nan}
        if n_cases < MIN_CASES:
            where = f"{label}, {'all targets' if target == ALL else target}"
            messages.append(f"Equivalence, {question}, {where}: no test, because there are fewer than two cases.")
        else:
            sums = np.asarray(np.bincount(codes, differences), dtype=np.float64)
            counts = np.bincount(codes).astype(np.float64)
            found, doubt = equivalence_over_cases(
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
    return pd.DataFrame(rows, columns=EQUIVALENCE.names), messages
