"""What was answered, as published: summaries per target (Figure 6A), joint distribution of two questions (F.3)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.schema import ALL, LABELS
from analysis.sections.joint import SCORE_JOINT, SCORE_JOINT_MEANS
from analysis.sections.scores import SCORE_COUNTS, SCORE_SUMMARY

if TYPE_CHECKING:
    from collections.abc import Sequence

# Every two of many questions would be pages of tables that nobody reads.
MAX_QUESTIONS = 4
_READING = ["reader", "case", "label", "arm", "period", "position"]


def summary_table(frame: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """Mean, sd (ddof 0, as published), median and quartiles per question, label, target ("all" first) and arm."""
    rows: list[dict[str, Any]] = []
    targets = (ALL, *natural_order(frame["target"].unique()))
    parts = dict(list(frame.groupby(["question", "label", "arm"], sort=False)))
    for question, label, target, arm in itertools.product(
        natural_order(frame["question"].unique()), LABELS, targets, arms
    ):
        own = parts.get((question, label, arm))
        values = (
            np.empty(0) if own is None else own.loc[(target == ALL) | (own["target"] == target), "value"].to_numpy()
        )
        row: dict[str, Any] = {"question": question, "label": label, "target": target, "arm": arm, "n": len(values)}
        if len(values):
            q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
            row |= {"mean": values.mean(), "sd": values.std(), "median": median, "q1": q1, "q3": q3}
        rows.append(row)
    return pd.DataFrame(rows, columns=SCORE_SUMMARY.names)


def joint_tables(frame: pd.DataFrame, arms: Sequence[str]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Tables `score_joint` (how often both scores were given in one reading) and `score_joint_means`.

    For every two questions, in natural order; a reading without an answer to both does not count.
    """
    questions = natural_order(frame["question"].unique())
    messages: list[str] = []
    if len(questions) > MAX_QUESTIONS:
        messages.append(f"Joint distribution: shown for the first {MAX_QUESTIONS} of {len(questions)} questions.")
    joint: list[dict[str, Any]] = []
    means: list[dict[str, Any]] = []
    for first, second in itertools.combinations(questions[:MAX_QUESTIONS], 2):
        both = _both(frame, first, second)
        for label, arm in itertools.product(LABELS, arms):
            own = both[(both["label"] == label) & (both["arm"] == arm)]
            key = {"question": first, "second_question": second, "label": label, "arm": arm}
            counts = own.groupby(["value", "second_value"]).size()
            joint += [
                {**key, "value": float(value), "second_value": float(other), "count": int(count)}
                for (value, other), count in zip(counts.index, counts, strict=True)
            ]
            row = {**key, "n": len(own)}
            if len(own):
                row |= {"mean": own["value"].mean(), "second_mean": own["second_value"].mean()}
                ranks = own[["value", "second_value"]].rank()
                if (ranks.std(ddof=0) > 0).all():
                    row["spearman"] = float(np.corrcoef(ranks["value"], ranks["second_value"])[0, 1])
            means.append(row)
    tables = {
        "score_joint": pd.DataFrame(joint, columns=SCORE_JOINT.names),
        "score_joint_means": pd.DataFrame(means, columns=SCORE_JOINT_MEANS.names),
    }
    return tables, messages


def _both(frame: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Readings with both answers, as columns `value` and `second_value`."""
    # A missing position is a key like any other here, and pandas does not match missing with missing in every version.
    keyed = frame.assign(position=frame["position"].astype("Float64").fillna(-1.0).astype(float))
    parts = [keyed.loc[keyed["question"] == question, [*_READING, "value"]] for question in (first, second)]
    return parts[0].merge(parts[1].rename(columns={"value": "second_value"}), on=_READING, validate="one_to_one")


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
    table = pd.DataFrame(rows, columns=SCORE_COUNTS.names)
    order = {question: rank for rank, question in enumerate(natural_order(table["question"].unique()))}
    return table.sort_values("question", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
