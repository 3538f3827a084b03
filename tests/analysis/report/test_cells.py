"""Text of numbers: what a p-value, a difference, an interval and an absence look like to people."""

import pytest

from analysis.report.cells import cell, interval, p_value, p_words
from analysis.sections.columns import DF, MEAN_DIFFERENCE, N_CASES, P_OF_DRAWS, P_VALUE, STATISTIC, TARGET
from analysis.sections.section import Column, Interval, Kind


@pytest.mark.parametrize(
    ("value", "text", "words"),
    [
        (0.022, ".022", "p = .022"),
        (0.0009999, "< .001", "p < .001"),
        (0.001, ".001", "p = .001"),
        (0.0, "< .001", "p < .001"),
        (1.0, "1.000", "p = 1.000"),
        (0.579309518549, ".579", "p = .579"),
        # Three decimals would not tell on which side of .05 these are.
        (0.0496, ".0496", "p = .0496"),
        (0.05004, ".05004", "p = .05004"),
        (0.05, ".050", "p = .050"),
        (0.04949, ".049", "p = .049"),
    ],
)
def test_a_p_value_has_three_decimals_and_no_zero_before_the_point(value: float, text: str, words: str) -> None:
    assert (p_value(value), p_words(value)) == (text, words)
    assert cell(P_VALUE, value) == text


def test_differences_have_their_sign_and_no_negative_zero() -> None:
    assert [cell(MEAN_DIFFERENCE, value) for value in (0.15, -0.26667, 0.0, -0.00001)] == [
        "+0.1500",
        "-0.2667",
        "0.0000",
        "0.0000",
    ]
    assert cell(Column("auc", "AUC", Kind.FIXED), 1.0) == "1.0000"
    assert cell(DF, 7) == "7.00"


def test_other_numbers_have_the_decimals_that_they_need() -> None:
    assert [cell(STATISTIC, value) for value in (1233.5, 16.0, 0.00012345, 0.25)] == [
        "1233.5",
        "16",
        "0.0001234",
        "0.25",
    ]
    assert cell(N_CASES, 240.0) == "240"


def test_what_is_absent_is_a_dash_and_all_is_in_words() -> None:
    assert [cell(N_CASES, None), cell(TARGET, ""), cell(TARGET, "all"), cell(TARGET, "Mass")] == [
        "–",
        "–",
        "all targets",
        "Mass",
    ]
    assert [cell(Column("complete", "Complete", Kind.FLAG), value) for value in (True, False)] == ["yes", "no"]


def test_an_interval_is_printed_like_what_it_belongs_to() -> None:
    assert interval(Interval("low", "high", "95%", of="difference"), -0.1, 0.25) == "-0.100 to +0.250"
    assert interval(Interval("low", "high", "95%", of="auc", signed=False), 0.5, 1.0) == "0.500 to 1.000"
    assert interval(P_OF_DRAWS, 0.0002, 0.03) == "< .001 to .030"
    assert interval(P_OF_DRAWS, None, 0.03) == "–"
