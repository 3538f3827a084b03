"""The effect of the period, the effect of the arm adjusted for it, and carry-over."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.pairs import Pairs
from analysis.data.schema import LABELS
from analysis.sections.period import PERIOD_EFFECT
from analysis.statistics.case_effect import ALIKE
from analysis.statistics.resampling import case_codes, case_weights, percentile_interval, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def period_table(frame: pd.DataFrame, pairs: Pairs, *, seed: int, draws: int) -> tuple[pd.DataFrame, list[str]]:
    """Period effect, and arm effect adjusted for it, per question and label, with case bootstrap intervals."""
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    table = pairs.table[pairs.table["first_period"] != pairs.table["second_period"]]
    for question, label in itertools.product(natural_order(frame["question"].unique()), LABELS):
        own = table[(table["question"] == question) & (table["label"] == label)]
        row: dict[str, Any] = {"question": question, "label": label, "n_pairs": len(own)}
        row |= dict.fromkeys(PERIOD_EFFECT.names[3:], np.nan)
        first_arm_first = (own["first_period"] < own["second_period"]).to_numpy()
        if not first_arm_first.any() or first_arm_first.all():
            messages.append(f"Period effect, {question}, {label}: none, because no cases were seen in both orders.")
        else:
            codes, differences = case_codes(own["case"]), own["difference"].to_numpy(dtype=np.float64)
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
    return pd.DataFrame(rows, columns=PERIOD_EFFECT.names), messages


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
