"""The flow of readings in words: what the boxes say, of data that are complete and that are not."""

import pandas as pd
import pytest

from analysis.data.pairs import make_pairs
from analysis.report.figures.flow import Level, flow_figure, flow_levels
from analysis.sections.flow_tables import flow_table


def levels_of(frame: pd.DataFrame, allocation: pd.DataFrame | None = None) -> list[Level]:
    arms = sorted(frame["arm"].unique())
    pairs = make_pairs(frame, ("A", "B") if len(arms) == 2 else ("", ""))
    return flow_levels(frame, flow_table(frame, pairs, allocation), arms)


def said(levels: list[Level]) -> list[list[tuple[str, ...]]]:
    return [[box.lines for box in level.boxes] for level in levels]


def test_of_complete_data_everything_is_analysed(small_study: pd.DataFrame) -> None:
    # Two readers, 16 cases, two arms.
    levels = levels_of(small_study)
    assert said(levels) == [
        [("16 cases: 8 true positive, 8 false positive", "2 readers")],
        [("32 readings rated",), ("32 readings rated",)],
        [("32 pairs of the same reader and case",)],
    ]
    assert levels[-1].aside is not None
    assert levels[-1].aside.lines == ("none",)


def test_what_is_in_no_pair_is_told_by_its_reason(small_study: pd.DataFrame) -> None:
    r1 = small_study["reader"] == "r1"
    gone = (r1 & (small_study["case"] == "c1") & (small_study["arm"] == "A")) | (r1 & (small_study["case"] == "c2"))
    levels = levels_of(small_study[~gone])
    assert said(levels)[1:] == [
        [("30 readings rated",), ("31 readings rated",)],
        [("30 pairs of the same reader and case",)],
    ]
    assert levels[-1].aside is not None
    assert levels[-1].aside.lines == ("1 without arm A", "1 rated in neither arm")


def test_questions_that_differ_have_lines_of_their_own(small_study: pd.DataFrame) -> None:
    other = small_study.assign(question="sure").iloc[1:]
    [_, arms, _] = levels_of(pd.concat([small_study, other]))
    assert [box.lines for box in arms.boxes] == [
        ("feature: 32 readings rated", "sure: 31 readings rated"),
        ("32 readings rated",),
    ]


def test_what_was_allocated_and_not_rated_stands_aside(small_study: pd.DataFrame) -> None:
    allocation = small_study[["reader", "case", "arm"]].drop_duplicates().assign(opened=False, excluded="")
    rated = small_study.iloc[:-3]
    levels = levels_of(rated, allocation)
    assert said(levels)[1] == [("64 readings, a case in an arm each",)]
    assert levels[1].aside is not None
    assert levels[1].aside.lines == ("3 not read",)


def test_one_arm_ends_with_its_readings(small_study: pd.DataFrame) -> None:
    levels = levels_of(small_study[small_study["arm"] == "A"])
    assert said(levels)[1:] == [[("32 readings rated",)]]


@pytest.mark.parametrize("name", ["{} {s}", "x" * 300, "$_{$", "肺"])
def test_any_name_of_an_arm_is_drawn(small_study: pd.DataFrame, name: str) -> None:
    frame = small_study.assign(arm=small_study["arm"].replace("A", name)).iloc[1:]
    arms = [name, "B"]
    levels = flow_levels(frame, flow_table(frame, make_pairs(frame, (name, "B"))), arms)
    assert name in levels[1].boxes[0].heading
    assert flow_figure(levels).get_size_inches()[0] > 6
