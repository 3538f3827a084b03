"""AUC per arm from responses: scores as ratings that should separate true from false positives."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.data.schema import validate
from analysis.sections.accuracy_tables import accuracy_tables


def test_the_auc_of_an_arm_is_the_share_of_pairs_in_the_right_order(small_study: pd.DataFrame) -> None:
    tables, _ = accuracy_tables(validate(small_study), ("A", "B"))
    auc = tables["auc"].set_index(["question", "arm", "reader"])["auc"].to_dict()
    for (arm, reader), group in small_study.groupby(["arm", "reader"]):
        positive, negative = (group[group["label"] == label]["value"] for label in ("TP", "FP"))
        expected = stats.mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative))
        assert auc[("feature", arm, reader)] == pytest.approx(expected)


def test_the_difference_is_second_arm_minus_first(small_study: pd.DataFrame) -> None:
    tables, messages = accuracy_tables(validate(small_study), ("A", "B"))
    means = tables["auc"].groupby("arm")["auc"].mean()
    differences = tables["auc_differences"].set_index("analysis")["difference"]
    np.testing.assert_allclose(differences, means["B"] - means["A"])
    assert tables["auc_tests"].loc[tables["auc_tests"]["headline"], "analysis"].tolist() == ["FRRC"]
    assert any("2 readers, fewer than 5" in message for message in messages)


def test_without_false_positives_there_is_no_auc_but_a_sentence(small_study: pd.DataFrame) -> None:
    tables, messages = accuracy_tables(validate(small_study[small_study["label"] == "TP"]), ("A", "B"))
    assert all(table.empty for table in tables.values())
    assert len(messages) == 1
    assert "0 cases without the condition" in messages[0]


def test_a_reader_with_half_a_period_leaves_the_complete_cases(small_study: pd.DataFrame) -> None:
    late = (small_study["reader"] == "r2") & small_study["case"].isin(["c1", "c5", "c9"])
    tables, messages = accuracy_tables(validate(small_study[~late]), ("A", "B"))
    assert tables["auc"]["auc"].notna().all()
    assert any("3 cases are left out" in message and "c1, c5, c9" in message for message in messages)


@pytest.mark.shared_data
def test_the_guard_distrusts_random_readers_in_the_published_study(published_study: pd.DataFrame) -> None:
    """With its two readers the reader-by-arm variance estimate is negative."""
    tables, messages = accuracy_tables(validate(published_study), ("A", "B"))
    component = tables["auc_components"].set_index(["question", "component"])["estimate"]
    assert component[("confidence", "Var(TR)")] < 0
    assert any(message.startswith("AUC, confidence: Random-reader") and "negative" in message for message in messages)
    headlines = tables["auc_tests"][tables["auc_tests"]["headline"]]
    assert set(headlines["analysis"]) == {"FRRC"}


def test_targets_and_thresholds_have_their_tables_with_the_arms_in_order(small_study: pd.DataFrame) -> None:
    tables, _ = accuracy_tables(validate(small_study), ("A", "B"))
    assert tables["auc_targets"]["target"].drop_duplicates().tolist() == ["within targets", "Effusion", "Mass"]
    assert tables["auc_targets"]["arm"].tolist() == ["A", "B"] * 3
    assert set(tables["points"]["threshold"]) == {4.0}
    assert tables["points"]["arm"].tolist() == (["A"] * 3 + ["B"] * 3) * 2
    differences = tables["point_differences"].set_index(["figure", "analysis", "reader"])
    own = small_study[(small_study["reader"] == "r1") & (small_study["label"] == "TP")]
    hits = own.assign(hit=own["value"] >= 4).groupby("arm")["hit"].mean()
    row = differences.to_dict("index")["sensitivity", "one reader", "r1"]
    assert row["difference"] == pytest.approx(hits["B"] - hits["A"])
    assert (row["only_second_arm"] - row["only_first_arm"]) / row["n_cases"] == pytest.approx(row["difference"])
    own_threshold, _ = accuracy_tables(validate(small_study), ("A", "B"), thresholds={"feature": 2})
    assert set(own_threshold["points"]["threshold"]) == {2.0}


def test_a_target_with_one_case_and_equal_answers_give_sentences(small_study: pd.DataFrame) -> None:
    thin = small_study[(small_study["target"] == "Mass") | (small_study["case"] == "c1")]
    tables, messages = accuracy_tables(validate(thin), ("A", "B"))
    assert any("AUC of Effusion: none" in message for message in messages)
    assert tables["auc_targets"]["target"].unique().tolist() == ["Mass"]
    tables, messages = accuracy_tables(validate(small_study.assign(value=3)), ("A", "B"))
    assert any("Sensitivity, feature: none, because all scores are equal" in message for message in messages)
    assert tables["points"].empty


def perfect(small_study: pd.DataFrame) -> pd.DataFrame:
    """Every score of a true positive is above every score of a false positive; no negative differences."""
    return small_study.assign(value=np.where(small_study["label"] == "TP", 4, 2) + (small_study["arm"] == "B"))


def test_an_auc_of_one_has_the_interval_of_independent_pairs_and_a_sentence(small_study: pd.DataFrame) -> None:
    tables, messages = accuracy_tables(validate(perfect(small_study)), ("A", "B"))
    # R: binom.test(8, 8)$conf.int, as there are 8 true and 8 false positives.
    assert tables["auc"]["auc"].tolist() == [1] * 4
    assert tables["auc"]["ci_low"].to_numpy() == pytest.approx([0.630583352447] * 4)
    fixed = tables["auc_treatments"].set_index("analysis").loc[["FRRC"]]
    assert fixed["ci_low"].to_numpy() == pytest.approx([0.630583352447] * 2)
    assert (fixed["ci_high"] == 1).all()
    own = tables["auc_targets"][tables["auc_targets"]["target"] == "Mass"]
    # R: binom.test(4, 4)$conf.int
    assert own["ci_low"].to_numpy() == pytest.approx([0.3976353644] * 2)
    assert sum("Every reader's AUC is 1" in message for message in messages) == 2


def test_a_readers_auc_has_an_interval_within_what_it_can_be(small_study: pd.DataFrame) -> None:
    table = accuracy_tables(validate(small_study), ("A", "B"))[0]["auc"]
    half = stats.norm.ppf(0.975) * table["se"]
    assert table["ci_low"].to_numpy() == pytest.approx(np.maximum(table["auc"] - half, 0))
    assert table["ci_high"].to_numpy() == pytest.approx(np.minimum(table["auc"] + half, 1))


def test_the_cut_off_is_that_of_the_scale_and_not_of_the_scores_given(small_study: pd.DataFrame) -> None:
    """Where nobody gave more than 3 of 5, a 3 is no high score."""
    timid = small_study.assign(value=small_study["value"].clip(upper=3))
    of_scale, messages = accuracy_tables(validate(timid), ("A", "B"), scales={"feature": (1, 5)})
    assert set(of_scale["points"]["threshold"]) == {4.0}
    sensitivity = of_scale["points"][of_scale["points"]["figure"] == "sensitivity"]
    assert (sensitivity["estimate"] == 0).all()
    assert not any("scale" in message for message in messages)
    of_scores, messages = accuracy_tables(validate(timid), ("A", "B"))
    assert set(of_scores["points"]["threshold"]) == {3.0}
    assert any("the scale is not known (--scale gives it)" in message for message in messages)
    assert any("(1 to 3)" in message for message in messages)
