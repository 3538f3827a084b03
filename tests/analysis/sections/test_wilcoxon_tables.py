"""The published comparison: its numbers, its options, and the mistakes of the original notebook."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.data.errors import AnalysisError
from analysis.data.pairs import choose_arms, make_pairs
from analysis.data.schema import validate
from analysis.sections.reader_tables import per_reader_table
from analysis.sections.score_tables import score_counts
from analysis.sections.wilcoxon_tables import wilcoxon_table
from analysis.statistics.multiplicity import holm
from analysis.statistics.signed_rank import signed_rank
from tests.published import PER_TARGET
from tests.typed import cell_of, row_of


def table_of(frame: pd.DataFrame, arms: tuple[str, str] = ("A", "B")) -> pd.DataFrame:
    checked = validate(frame)
    return wilcoxon_table(checked, make_pairs(checked, arms))[0].set_index(["question", "label", "target"])


def answers(*values: tuple[str, str, str, float], question: str = "q", label: str = "TP") -> pd.DataFrame:
    """Rows from (reader, case, arm, value)."""
    rows: list[dict[str, Any]] = [
        {"reader": r, "case": c, "arm": a, "value": v, "period": 1 + (a == "B")} for r, c, a, v in values
    ]
    return pd.DataFrame(rows).assign(question=question, label=label, target="Mass")


@pytest.mark.shared_data
def test_the_published_study_gives_the_published_numbers(published_study: pd.DataFrame) -> None:
    table = table_of(published_study)
    positives, negatives = row_of(table, ("confidence", "TP", "all")), row_of(table, ("confidence", "FP", "all"))
    assert positives["n_pairs"] == negatives["n_pairs"] == 240
    assert positives["mean_difference"] == pytest.approx(0.15)
    assert positives["sd_difference"] == pytest.approx(0.9544, abs=5e-5)
    assert positives["statistic"] == 1233.5
    assert positives["p_value"] == pytest.approx(0.010369663537, abs=5e-13)
    assert negatives["mean_difference"] == pytest.approx(0.0458, abs=5e-5)
    assert negatives["sd_difference"] == pytest.approx(1.0616, abs=5e-5)
    assert negatives["statistic"] == 2822.5
    assert negatives["p_value"] == pytest.approx(0.579309518549, abs=5e-13)


@pytest.mark.shared_data
@pytest.mark.parametrize(("label", "target", "mean", "statistic", "p_value"), PER_TARGET)
def test_the_published_study_gives_the_numbers_per_target(
    published_study: pd.DataFrame, label: str, target: str, mean: float, statistic: float, p_value: float
) -> None:
    found = row_of(table_of(published_study), ("confidence", label, target))
    assert found["n_pairs"] == 40
    assert found["mean_difference"] == pytest.approx(mean, abs=1e-12)
    assert found["statistic"] == statistic
    assert found["p_value"] == pytest.approx(p_value, rel=2e-6, abs=5e-7)


@pytest.mark.shared_data
def test_only_cardiomegaly_survives_holm_on_confidence(published_study: pd.DataFrame) -> None:
    adjusted = table_of(published_study).xs("confidence")["p_holm"]
    assert adjusted[("TP", "Cardiomegaly")] == pytest.approx(0.0496, abs=5e-5)
    assert adjusted[("FP", "Cardiomegaly")] == pytest.approx(0.0324, abs=5e-5)
    assert sorted(adjusted[adjusted < 0.05].index) == [("FP", "Cardiomegaly"), ("TP", "Cardiomegaly")]
    assert adjusted.drop("all", level="target").notna().sum() == 12
    assert adjusted.xs("all", level="target").isna().all()


@pytest.mark.shared_data
def test_arms_that_were_not_swapped_in_the_second_read_are_told_apart(published_study: pd.DataFrame) -> None:
    """Chained assignment in the original notebook loses the swap: the effect then reads -0.225."""
    cases = published_study.drop_duplicates(["case", "period"]).set_index(["case", "period"])["arm"]
    mistaken = published_study.copy()
    mistaken["arm"] = [cases[(case, 1)] for case in mistaken["case"]]
    # The notebook then subtracts by position of the row, which pairs different cases.
    rows = mistaken[(mistaken["question"] == "confidence") & (mistaken["label"] == "TP")]
    rows = rows.sort_values(["reader", "period"], kind="stable")
    by_position = rows.loc[rows["arm"] == "B", "value"].to_numpy() - rows.loc[rows["arm"] == "A", "value"].to_numpy()
    assert by_position.mean() == pytest.approx(-0.225)
    assert cell_of(table_of(published_study), ("confidence", "TP", "all"), "mean_difference") == pytest.approx(0.15)
    # With the mistake no case has both arms: nothing may be paired.
    assert cell_of(table_of(mistaken), ("confidence", "TP", "all"), "n_pairs") == 0


@pytest.mark.shared_data
def test_shuffled_rows_change_nothing_in_the_published_study(published_study: pd.DataFrame) -> None:
    shuffled = published_study.sample(frac=1, random_state=11)
    pd.testing.assert_frame_equal(table_of(published_study), table_of(shuffled))


@pytest.mark.shared_data
def test_the_published_study_has_240_pairs_per_label_and_misses_none(published_study: pd.DataFrame) -> None:
    pairs = make_pairs(validate(published_study), ("A", "B"))
    assert len(pairs.table) == 2 * 480
    assert pairs.missing.empty
    assert pairs.repeats == 0


@pytest.mark.parametrize(
    ("zero_method", "statistic", "p_value"),
    [("wilcox", 327, 0.00641346), ("pratt", 423, 0.00317246), ("zsplit", 441, 0.00321453)],
)
def test_the_signed_rank_test_agrees_with_the_reference_set(zero_method: Any, statistic: float, p_value: float) -> None:
    differences = np.repeat(np.arange(-4, 5), [1, 4, 16, 15, 8, 4, 5, 1, 2])
    result = signed_rank(differences, zero_method=zero_method)
    assert result.statistic == statistic
    assert result.p_value == pytest.approx(p_value, abs=5e-9)


def test_the_rank_biserial_correlation_is_the_difference_of_the_rank_sums_over_their_sum() -> None:
    # |d| = 1, 2, 2, 3 have ranks 1, 2.5, 2.5, 4; positive 2.5 + 4, negative 1 + 2.5, zeros dropped: 3 / 10.
    assert signed_rank([-1, 2, -2, 3, 0, 0]).rank_biserial == pytest.approx(0.3)


def test_holm_agrees_with_the_hand_made_example() -> None:
    # R: p.adjust(c(.01, .04, .03, .005), "holm") is .03 .06 .06 .02
    assert holm([0.01, 0.04, np.nan, 0.03, 0.005]) == pytest.approx([0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True)


def test_holm_never_exceeds_one() -> None:
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]


def test_the_contrast_is_second_arm_minus_first() -> None:
    frame = answers(("r1", "c1", "A", 2), ("r1", "c1", "B", 5), ("r1", "c2", "A", 3), ("r1", "c2", "B", 4))
    assert cell_of(table_of(frame), ("q", "TP", "all"), "mean_difference") == 2
    assert cell_of(table_of(frame, ("B", "A")), ("q", "TP", "all"), "mean_difference") == -2


def test_a_missing_pair_is_excluded_and_reported_and_nothing_shifts() -> None:
    frame = answers(
        ("r1", "c1", "A", 1), ("r1", "c1", "B", 2), ("r1", "c2", "A", 1), ("r1", "c3", "A", 5), ("r1", "c3", "B", 1)
    )
    pairs = make_pairs(validate(frame), ("A", "B"))
    assert list(zip(pairs.table["case"], pairs.table["difference"], strict=True)) == [("c1", 1.0), ("c3", -4.0)]
    assert pairs.missing[["reader", "case", "missing_arm"]].to_numpy().tolist() == [["r1", "c2", "B"]]


def test_pairs_do_not_depend_on_the_order_of_rows(small_study: pd.DataFrame) -> None:
    incomplete = small_study.drop(index=[3, 17, 40])
    expected = table_of(incomplete)
    for seed in range(20):
        pd.testing.assert_frame_equal(table_of(incomplete.sample(frac=1, random_state=seed)), expected)


def test_of_hidden_repeats_the_earliest_reading_is_paired() -> None:
    frame = answers(("r1", "c1", "A", 2), ("r1", "c1", "B", 5)).assign(position=[1, 1])
    repeat = frame.iloc[[1]].assign(position=30, value=1)
    pairs = make_pairs(validate(pd.concat([repeat, frame])), ("A", "B"))
    assert pairs.table["difference"].tolist() == [3.0]
    assert pairs.repeats == 1


def test_questions_and_readers_are_never_mixed() -> None:
    first = answers(("r1", "c1", "A", 1), ("r1", "c1", "B", 2), ("r2", "c1", "A", 5), ("r2", "c1", "B", 1))
    second = answers(("r1", "c1", "A", 1), ("r1", "c1", "B", 4), question="q2")
    checked = validate(pd.concat([first, second]))
    table, _ = per_reader_table(checked, make_pairs(checked, ("A", "B")))
    means = table[table["label"] == "TP"].set_index(["question", "reader"])["mean_difference"]
    assert means[("q", "r1")] == 1
    assert means[("q", "r2")] == -4
    assert means[("q2", "r1")] == 3
    assert np.isnan(means[("q2", "r2")])


def test_the_means_of_a_reader_have_students_interval() -> None:
    first, second = [1, 2, 4, 5, 3, 3, 2, 5, 3, 3], [1, 3, 3, 7, 4, 4, 5, 5, 4, 1]
    rows = [
        (("r1", f"c{case}", arm, value))
        for case, both in enumerate(zip(first, second, strict=True))
        for arm, value in zip("AB", both, strict=True)
    ]
    checked = validate(answers(*rows))
    table, messages = per_reader_table(checked, make_pairs(checked, ("A", "B")))
    row = row_of(table.set_index("label"), "TP")
    # R: t.test(c(0, 1, -1, 2, 1, 1, 3, 0, 1, -2))$conf.int
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((-0.422846423453, 1.62284642345), abs=1e-9)
    assert row["first_arm_low"] < 3.1 < row["first_arm_high"]
    assert row["second_arm_low"] < 3.7 < row["second_arm_high"]
    assert messages == []


def test_a_reader_whose_answers_are_all_alike_has_a_sentence_and_no_interval() -> None:
    rows = [("r1", f"c{case}", arm, 5 if arm == "B" else 1 + case) for case in range(4) for arm in "AB"]
    checked = validate(answers(*rows))
    table, messages = per_reader_table(checked, make_pairs(checked, ("A", "B")))
    row = row_of(table.set_index("label"), "TP")
    assert row["mean_second_arm"] == 5
    assert np.isnan([row["second_arm_low"], row["second_arm_high"]]).all()
    assert messages == ["Reader r1, q, TP: no interval of the mean, because all scores in the second arm are equal."]


@pytest.mark.parametrize(
    ("differences", "reason"), [([], "no pair"), ([2], "only one pair"), ([0, 0, 0], "all differences are zero")]
)
def test_what_cannot_be_tested_says_why_and_has_no_statistic(differences: list[float], reason: str) -> None:
    result = signed_rank(differences)
    assert (result.statistic, result.p_value, result.rank_biserial) == (None, None, None)
    assert reason in str(result.reason)


def test_scores_are_counted_per_label_target_and_arm(small_study: pd.DataFrame) -> None:
    counts = score_counts(validate(small_study))
    assert set(counts["target"]) == {"all", "Effusion", "Mass"}
    for (label, arm), group in counts[counts["target"] == "all"].groupby(["label", "arm"]):
        given = small_study[(small_study["label"] == label) & (small_study["arm"] == arm)]["value"]
        assert {
            v: c for v, c in zip(group["value"], group["count"], strict=True) if c
        } == given.value_counts().to_dict()
    parts = counts[counts["target"] != "all"]["count"].sum()
    assert parts == counts[counts["target"] == "all"]["count"].sum() == len(small_study)


def test_arms_default_to_natural_order_and_more_than_two_must_be_named() -> None:
    def frame(*arms: str) -> pd.DataFrame:
        return pd.DataFrame({"arm": list(arms)})

    assert choose_arms(frame("arm10", "arm2"), None) == ("arm2", "arm10")
    assert choose_arms(frame("B"), None) is None
    with pytest.raises(AnalysisError, match="3 arms: A, B, C"):
        choose_arms(frame(*itertools.chain("CBA")), None)
    assert choose_arms(frame("A", "B", "C"), ("C", "A")) == ("C", "A")
    assert choose_arms(frame("A"), ("A", "B")) == ("A", "B")
    with pytest.raises(AnalysisError, match=r"no arm X\. Name two of: A, B"):
        choose_arms(frame("A", "B"), ("A", "X"))
    with pytest.raises(AnalysisError, match="two different"):
        choose_arms(frame("A", "B"), ("A", "A"))
