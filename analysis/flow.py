"""Who rated what: the flow of cases per reader, and how much the results depend on what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.effect import case_effect
from analysis.order import natural_order
from analysis.resampling import stream
from analysis.schema import LABELS

if TYPE_CHECKING:
    from analysis.paired import Pairs

FLOW_COLUMNS = [
    "question",
    "reader",
    "cases",
    "rated_first_arm",
    "rated_second_arm",
    "paired",
    "lacking_first_arm",
    "lacking_second_arm",
    "unrated",
    "repeats",
    "periods",
    "complete",
]
SENSITIVITY_COLUMNS = [
    "question",
    "label",
    "set",
    "n_readers",
    "n_cases",
    "n_pairs",
    "mean_difference",
    "ci_low",
    "ci_high",
    "p_value",
]
OPTIONS: dict[str, str] = {
    "flow": (
        "per question and reader: `cases` are all cases of the data, `unrated` those that the reader rated in neither "
        "arm; a pair that lacks an arm is excluded; `repeats` are further readings in an arm, which no pair uses; a "
        "reader is complete who rated every case in both arms"
    ),
    "sensitivity": (
        "the effect over cases, as in `effect`, of all pairs, of the readers who are complete, and of the cases that "
        "every reader rated in both arms; computed where something is missing"
    ),
}


def flow_table(frame: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """How many cases each reader rated in the first and second arm, and what became of them, per question."""
    rows: list[dict[str, Any]] = []
    n_cases = int(frame["case"].nunique())
    used = frame[frame["arm"].isin(pairs.arms)]
    for question in natural_order(frame["question"].unique()):
        answers = used[used["question"] == question]
        of_reader = dict(list(answers.groupby("reader", sort=False)))
        paired = pairs.table.loc[pairs.table["question"] == question, "reader"].value_counts()
        for reader in natural_order(frame["reader"].unique()):
            own = of_reader.get(reader, answers.iloc[:0])
            first, second = (own.loc[own["arm"] == arm, "case"].nunique() for arm in pairs.arms)
            both = int(paired.get(reader, 0))
            rows.append(
                {
                    "question": question,
                    "reader": reader,
                    "cases": n_cases,
                    "rated_first_arm": first,
                    "rated_second_arm": second,
                    "paired": both,
                    "lacking_first_arm": second - both,
                    "lacking_second_arm": first - both,
                    "unrated": n_cases - (first + second - both),
                    "repeats": len(own) - first - second,
                    "periods": " ".join(str(period) for period in sorted(own["period"].unique())),
                    "complete": both == n_cases,
                }
            )
    return pd.DataFrame(rows, columns=FLOW_COLUMNS)


def sensitivity_table(flow: pd.DataFrame, pairs: Pairs, *, seed: int, draws: int) -> tuple[pd.DataFrame, list[str]]:
    """The effect with and without what is incomplete, for questions where something is missing; and messages."""
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    for question in natural_order(flow["question"].unique()):
        readers = flow[flow["question"] == question]
        if readers["complete"].all():
            continue
        complete = set(readers.loc[readers["complete"], "reader"])
        incomplete = [reader for reader in readers["reader"] if reader not in complete]
        shown = ", ".join(incomplete[:10]) + (" and more" if len(incomplete) > 10 else "")
        messages.append(
            f"{question}: {len(incomplete)} of {len(readers)} readers have not rated every case in both arms "
            f"({shown}); `sensitivity` shows the effect without them."
        )
        own = pairs.table[pairs.table["question"] == question]
        rated = own.groupby("case").size()
        everyone = set(rated.index[rated == len(readers)])
        sets = {
            "all pairs": np.ones(len(own), dtype=np.bool_),
            "complete readers": own["reader"].isin(list(complete)).to_numpy(),
            "cases of every reader": own["case"].isin(list(everyone)).to_numpy(),
        }
        for label in LABELS:
            for name, chosen in sets.items():
                part = own[chosen & (own["label"] == label).to_numpy()]
                rng = stream(seed, "sensitivity", question, label, name)
                found = case_effect(part["case"], part["difference"].to_numpy(dtype=np.float64), rng=rng, draws=draws)
                if found.reason is not None:
                    messages.append(f"Sensitivity, {question}, {label}, {name}: no test, because {found.reason}.")
                rows.append(
                    {
                        "question": question,
                        "label": label,
                        "set": name,
                        "n_readers": part["reader"].nunique(),
                        "n_cases": found.n_cases,
                        "n_pairs": found.n_pairs,
                        "mean_difference": found.mean,
                        "ci_low": found.ci_low,
                        "ci_high": found.ci_high,
                        "p_value": found.p_value,
                    }
                )
    return pd.DataFrame(rows, columns=SENSITIVITY_COLUMNS), messages
