"""The scale of a question: the lowest and the highest score that could be given, whether anybody gave them or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.data.errors import AnalysisError, UsageError
from analysis.data.order import natural_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

Scale = tuple[float, float]


def check_scales(frame: pd.DataFrame, scales: Mapping[str, Scale]) -> dict[str, Scale]:
    """The scales of the questions of validated responses, if the scores lie on them. Raises AnalysisError."""
    questions = natural_order(frame["question"].unique())
    found = {}
    for question in questions:
        if question not in scales:
            continue
        low, high = scales[question]
        if not low < high:
            raise AnalysisError(f"The scale of {question} goes from {low:g} to {high:g}. Give the lower end first.")
        values = frame.loc[frame["question"] == question, "value"]
        outside = values[(values < low) | (values > high)]
        if len(outside):
            raise AnalysisError(
                f"{len(outside)} scores of {question} are outside its scale of {low:g} to {high:g}, the first of them "
                f"{outside.iloc[0]:g}. Correct the scores or the scale."
            )
        found[question] = (float(low), float(high))
    return found


def named_scales(texts: Sequence[str], questions: Sequence[str]) -> dict[str, Scale]:
    """Scales from `QUESTION=LOW,HIGH`, or `LOW,HIGH` for all of these questions. Raises UsageError."""
    found: dict[str, Scale] = {}
    for text in texts:
        name, _, ends = text.rpartition("=")
        try:
            low, high = (float(part) for part in ends.split(","))
        except ValueError:
            raise UsageError(
                f"'{text}' is no scale. Write QUESTION=LOW,HIGH such as confidence=1,5, or 1,5 for every question."
            ) from None
        if name and name not in questions:
            raise UsageError(f"There is no question {name}. Questions: {', '.join(questions) or 'none'}.")
        found |= {name: (low, high)} if name else dict.fromkeys(questions, (low, high))
    return found
