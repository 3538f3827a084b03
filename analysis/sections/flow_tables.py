"""Who rated what: the flow of cases per reader, and how much the results depend on what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.allocation import CASE_EXCLUDED, FAILED, WITHDRAWN
from analysis.data.order import natural_order
from analysis.data.schema import LABELS
from analysis.sections.completeness import EFFECT_BY_COMPLETENESS, FLOW
from analysis.statistics.case_effect import ALIKE, case_effect
from analysis.statistics.resampling import stream

if TYPE_CHECKING:
    from analysis.data.pairs import Pairs

NOT_READ, NO_ANSWER = "not read", "no answer"
#: Why an allocated reading has no answer to a question -> column of the flow table.
REASON_COLUMNS = {
    WITHDRAWN: "reader_withdrawn",
    CASE_EXCLUDED: "case_excluded",
    FAILED: "explanation_failed",
    NOT_READ: "not_read",
    NO_ANSWER: "no_answer",
}
OPTIONS: dict[str, str] = {
    "flow": (
        "per question and reader: `cases` are all cases of the data, `unrated` those that the reader rated in neither "
        "arm; a pair that lacks an arm is excluded; `repeats` are further readings in an arm, which no pair uses; a "
        "reader is complete who rated every case in both arms; where the allocation is known, `allocated` readings (a "
        "case in an arm) are those rated and those that are not because the reader was withdrawn, the case excluded, "
        "its explanation failed, the reading never begun (`not_read`), or the question left open (`no_answer`)"
    ),
    "effect_by_completeness": (
        "the effect over cases, as in `effect`, of all pairs, of the readers who are complete, and of the cases that "
        "every reader rated in both arms; computed where something is missing"
    ),
}


def flow_table(frame: pd.DataFrame, pairs: Pairs, allocation: pd.DataFrame | None = None) -> pd.DataFrame:
    """How many cases each reader rated in the first and second arm, and what became of the others, per question.

    With an `allocation` (see `check_allocation`) also who was allocated and rated nothing; without it, `allocated` and
    the reasons are empty.
    """
    rows: list[dict[str, Any]] = []
    planned = None if allocation is None else allocation[allocation["arm"].isin(pairs.arms)]
    readers = natural_order([*frame["reader"].unique(), *(() if planned is None else planned["reader"].unique())])
    n_cases = int(frame["case"].nunique())
    used = frame[frame["arm"].isin(pairs.arms)]
    for question in natural_order(frame["question"].unique()):
        answers = used[used["question"] == question]
        of_reader = dict(list(answers.groupby("reader", sort=False)))
        paired = pairs.table.loc[pairs.table["question"] == question, "reader"].value_counts()
        became = {} if planned is None else _became(planned, answers)
        for reader in readers:
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
                    **became.get(reader, {}),
                }
            )
    whole = dict.fromkeys(["allocated", *REASON_COLUMNS.values()], "Int64")
    return pd.DataFrame(rows, columns=FLOW.names).astype(whole)


def _became(planned: pd.DataFrame, answers: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Reader -> readings allocated, and of those without an answer how many for each reason."""
    keys = ["reader", "case", "arm"]
    rated = answers[keys].drop_duplicates().assign(rated=True)
    readings = planned.merge(rated, on=keys, how="left")
    open_ = readings[readings["rated"].isna()]
    begun = np.where(open_["opened"], NO_ANSWER, NOT_READ)
    reasons = open_["excluded"].where(open_["excluded"] != "", begun)
    counts = reasons.groupby(open_["reader"]).value_counts()
    return {
        str(reader): {
            "allocated": int(total),
            **{name: int(counts.get((reader, reason), 0)) for reason, name in REASON_COLUMNS.items()},
        }
        for reader, total in planned["reader"].value_counts().items()
    }


def completeness_table(flow: pd.DataFrame, pairs: Pairs, *, seed: int, draws: int) -> tuple[pd.DataFrame, list[str]]:
    """The effect with and without what is incomplete, for questions where something is missing; and messages."""
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    for question in natural_order(flow["question"].unique()):
        # Who rated nothing has no part in any effect.
        begun = flow["rated_first_arm"] + flow["rated_second_arm"] > 0
        readers = flow[(flow["question"] == question) & begun]
        if readers["complete"].all():
            continue
        complete = set(readers.loc[readers["complete"], "reader"])
        incomplete = [reader for reader in readers["reader"] if reader not in complete]
        shown = ", ".join(incomplete[:10]) + (" and more" if len(incomplete) > 10 else "")
        messages.append(
            f"{question}: {len(incomplete)} of {len(readers)} readers have not rated every case in both arms "
            f"({shown}); `effect_by_completeness` shows the effect without them."
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
                # The name of the stream is that of the first version, so that the numbers stay.
                rng = stream(seed, "sensitivity", question, label, name)
                found = case_effect(part["case"], part["difference"].to_numpy(dtype=np.float64), rng=rng, draws=draws)
                if found.reason is not None:
                    messages.append(
                        f"Effect by completeness, {question}, {label}, {name}: no test, because {found.reason}."
                    )
                elif np.isnan(found.ci_low):
                    messages.append(
                        f"Effect by completeness, {question}, {label}, {name}: no interval, because {ALIKE}."
                    )
                doubts = [found.p.doubt(), found.doubt]
                messages.extend(
                    f"Effect by completeness, {question}, {label}, {name}: {doubt}." for doubt in doubts if doubt
                )
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
                        **found.p.columns,
                    }
                )
    return pd.DataFrame(rows, columns=EFFECT_BY_COMPLETENESS.names), messages
