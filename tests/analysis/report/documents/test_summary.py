"""Results in words: a sentence says what its table has."""

from __future__ import annotations

import pytest

from analysis.report.documents.summary import sentences

ARMS = ("A", "B")


def of_effect(difference: float) -> str:
    row = {
        "question": "confidence",
        "label": "TP",
        "target": "all",
        "mean_difference": difference,
        "ci_low": difference - 0.1,
        "ci_high": difference + 0.1,
        "p_value": 0.5,
        "n_cases": 12,
    }
    (sentence,) = sentences({"effect": [row]}, "effect", {"confidence": "confidence"}, ARMS)
    return sentence


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (0.25, "is 0.25 points higher with B than with A"),
        (-0.25, "is 0.25 points lower with B than with A"),
        (0.0, "is the same with A and with B"),
    ],
)
def test_the_direction_is_that_of_the_difference(difference: float, words: str) -> None:
    assert words in of_effect(difference)


def test_what_rounds_to_zero_has_no_sign() -> None:
    row = {"question": "q", "label": "FP", "target": "all", "mean_difference": -0.0001, "statistic": 3, "p_value": 1.0}
    (sentence,) = sentences({"wilcoxon": [row]}, "wilcoxon", {"q": "q"}, ARMS)
    assert "mean difference 0.000, W = 3, p = 1.000" in sentence
