"""Pairs of one reader's answers to one question on one case, one in each of two arms."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.data.errors import AnalysisError, UsageError
from analysis.data.order import natural_order
from analysis.data.schema import ALL


@dataclass(frozen=True)
class Pairs:
    """Pairs of one reader's answers to one question on one case, with the pairs that lack an arm kept apart."""

    arms: tuple[str, str]
    # The two answers are `first` and `second`, their periods `first_period` and `second_period`, and `difference`
    # is second - first; beside them stand question, reader, case, target and label.
    table: pd.DataFrame
    missing: pd.DataFrame  # question, reader, case, target, label, missing_arm
    repeats: int  # further readings of the same reader, case, arm and question, which no pair uses

    def of(self, question: str, label: str, target: str = ALL) -> pd.DataFrame:
        """The complete pairs of one question and label, of one target or of all."""
        own = self.table[(self.table["question"] == question) & (self.table["label"] == label)]
        return own if target == ALL else own[own["target"] == target]


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
