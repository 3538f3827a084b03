"""Summaries of scores and the joint distribution of two questions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.data.schema import validate
from analysis.report.build import build
from analysis.sections.score_tables import MAX_QUESTIONS, joint_tables, summary_table
from tests.typed import cell_of, row_of


def two_questions(small_study: pd.DataFrame) -> pd.DataFrame:
    other = small_study.assign(question="confidence", value=1 + (small_study["value"] * 2) % 5)
    return pd.concat([small_study, other])


def test_the_summary_is_that_of_the_readings(small_study: pd.DataFrame) -> None:
    table = summary_table(validate(small_study), ["A", "B"]).set_index(["label", "target", "arm"])
    own = small_study[(small_study["label"] == "TP") & (small_study["arm"] == "B")]["value"]
    row = row_of(table, ("TP", "all", "B"))
    assert row["n"] == 16
    assert row["mean"] == pytest.approx(own.mean())
    assert row["sd"] == pytest.approx(own.std(ddof=0))
    assert row["median"] == own.median()
    assert cell_of(table, ("TP", "Mass", "A"), "n") == 8


def test_both_scores_of_a_reading_are_counted_together(small_study: pd.DataFrame) -> None:
    frame = two_questions(small_study)
    tables, messages = joint_tables(validate(frame.sample(frac=1, random_state=1)), ["A", "B"])
    joint, means = tables["score_joint"], tables["score_joint_means"]
    assert messages == []
    assert set(joint["question"]) == {"confidence"}
    assert joint["count"].sum() == means["n"].sum() == 64
    # The second question is made from the first, so that every pair of scores is known.
    assert (joint["value"] == 1 + (joint["second_value"] * 2) % 5).all()
    own = small_study[(small_study["label"] == "FP") & (small_study["arm"] == "A")]["value"]
    row = row_of(means.set_index(["label", "arm"]), ("FP", "A"))
    assert row["second_mean"] == pytest.approx(own.mean())
    assert row["spearman"] == pytest.approx(stats.spearmanr(1 + (own * 2) % 5, own).statistic)


def test_a_reading_without_both_answers_does_not_count(small_study: pd.DataFrame) -> None:
    tables, _ = joint_tables(validate(two_questions(small_study).iloc[:-1]), ["A", "B"])
    assert tables["score_joint"]["count"].sum() == 63


def test_equal_answers_have_no_correlation_and_one_question_no_table(small_study: pd.DataFrame) -> None:
    tables, _ = joint_tables(validate(two_questions(small_study).assign(value=3)), ["A", "B"])
    assert tables["score_joint_means"]["spearman"].isna().all()
    tables, _ = joint_tables(validate(small_study), ["A", "B"])
    assert all(table.empty for table in tables.values())


def test_many_questions_are_shown_in_part(small_study: pd.DataFrame) -> None:
    frame = pd.concat([small_study.assign(question=f"q{number}") for number in range(MAX_QUESTIONS + 1)])
    tables, messages = joint_tables(validate(frame), ["A", "B"])
    assert len(tables["score_joint_means"].drop_duplicates(["question", "second_question"])) == 6
    assert "first 4 of 5" in messages[0]


def test_the_joint_distribution_has_its_figure(small_study: pd.DataFrame) -> None:
    assert "joint_confidence_feature" in build(two_questions(small_study), draws=20).figures


@pytest.mark.shared_data
def test_the_published_study_has_240_readings_per_label_and_arm(published_study: pd.DataFrame) -> None:
    means = joint_tables(validate(published_study), ["A", "B"])[0]["score_joint_means"].set_index(["label", "arm"])
    assert (means["n"] == 240).all()
    difference = cell_of(means, ("TP", "B"), "mean") - cell_of(means, ("TP", "A"), "mean")
    assert difference == pytest.approx(0.15)
    assert np.isfinite(means["spearman"]).all()
