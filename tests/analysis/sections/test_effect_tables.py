"""The effect over cases: its interval, its test, and that readers of one case are not counted as independent."""

import itertools

import numpy as np
import pandas as pd
import pytest

from analysis.data.pairs import Pairs, make_pairs
from analysis.data.schema import validate
from analysis.sections.effect_tables import effect_table, reader_correlation
from analysis.sections.equivalence_tables import equivalence_table
from analysis.sections.period_tables import period_table
from analysis.statistics.case_effect import case_effect
from analysis.statistics.clustered import clustered_signed_rank
from analysis.statistics.signed_rank import signed_rank
from tests.typed import cell_of, row_of


def pairs_of(frame: pd.DataFrame) -> tuple[pd.DataFrame, Pairs]:
    checked = validate(frame)
    return checked, make_pairs(checked, ("A", "B"))


def crossover(effect: float, period: float, *, cases: int = 8) -> pd.DataFrame:
    """One reader; even cases see arm A first, one case more in that order; value = effect of B + effect of period 2."""
    rows = []
    for case, arm in itertools.product(range(cases), "AB"):
        visit = 1 if (arm == "A") == (case % 4 != 0) else 2
        value = 3 + effect * (arm == "B") + period * (visit == 2) + 0.5 * case
        rows.append({"case": f"c{case}", "arm": arm, "period": visit, "value": value})
    return pd.DataFrame(rows).assign(reader="r", target="Mass", label="TP", question="q")


def test_the_p_of_the_effect_is_that_of_all_flips_whatever_the_draws() -> None:
    sums = np.array([1.0, 2.0, 0.5, 1.5, -0.5, 1.0])
    flips = np.array(list(itertools.product([1, -1], repeat=6))) @ sums
    exact = np.mean(np.abs(flips) >= abs(sums.sum()))
    cases = pd.Series([f"c{number}" for number in range(6)])
    for draws in (20, 2000):
        found = case_effect(cases, sums, rng=np.random.default_rng(1), draws=draws)
        assert found.p_value == pytest.approx(exact)
        assert found.p.is_exact
    assert found.mean == pytest.approx(sums.mean())


def test_the_interval_of_many_independent_cases_is_near_the_normal_one() -> None:
    values = np.random.default_rng(2).normal(0.3, 1, 400)
    cases = pd.Series([f"c{number}" for number in range(400)])
    found = case_effect(cases, values, rng=np.random.default_rng(3), draws=4000)
    margin = 1.96 * values.std(ddof=1) / 20
    assert found.ci_low == pytest.approx(values.mean() - margin, abs=0.01)
    assert found.ci_high == pytest.approx(values.mean() + margin, abs=0.01)


def test_answers_doubled_by_a_second_reader_who_agrees_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(4).integers(-2, 3, 40).astype(float)
    names = [f"c{number}" for number in range(40)]
    alone = case_effect(pd.Series(names), values, rng=np.random.default_rng(5), draws=500)
    doubled = case_effect(pd.Series(names * 2), np.tile(values, 2), rng=np.random.default_rng(5), draws=500)
    assert doubled.n_pairs == 80
    assert (doubled.ci_low, doubled.ci_high, doubled.p_value) == (alone.ci_low, alone.ci_high, alone.p_value)


def test_the_case_level_test_holds_its_size_where_the_pooled_one_does_not() -> None:
    """Two readers whose differences on a case correlate .42 as in the published study, and no effect."""
    rng = np.random.default_rng(6)
    cases = pd.Series([f"c{number}" for number in range(60)] * 2)
    sound = pooled = 0
    for _ in range(400):
        shared = rng.normal(0, np.sqrt(0.42), 60)
        latent = np.tile(shared, 2) + rng.normal(0, np.sqrt(0.58), 120)
        differences = np.round(1.3 * latent)
        sound += case_effect(cases, differences, rng=rng, draws=299).p_value <= 0.05
        pooled += (signed_rank(differences).p_value or 1) <= 0.05
    # Binomial(400, .05) is at most 33 with probability .999; the pooled test has size of about .10.
    assert 8 <= sound <= 33
    assert pooled > sound


def test_arm_and_period_effects_are_told_apart() -> None:
    frame, pairs = pairs_of(crossover(effect=1.0, period=-0.5))
    table, messages = period_table(frame, pairs, seed=1, draws=200)
    row = table[table["label"] == "TP"].iloc[0]
    assert row["period_effect"] == pytest.approx(-0.5)
    assert row["arm_effect"] == pytest.approx(1.0)
    # Three quarters of the cases saw A first, so that the plain mean difference mixes the two.
    assert pairs.table["difference"].mean() == pytest.approx(1.0 - 0.5 * (0.75 - 0.25))
    # Every case has the same difference in its order: no interval can be had from that, and none of one point is shown.
    assert row[["period_low", "arm_low"]].isna().all()
    assert messages == [
        "Period effect, q, TP: not every interval, because the differences of all cases are alike or too few.",
        "Period effect, q, FP: none, because no cases were seen in both orders.",
    ]


def test_effects_do_not_depend_on_the_order_of_rows(small_study: pd.DataFrame) -> None:
    for table_of in (effect_table, period_table):
        expected = table_of(*pairs_of(small_study), seed=1, draws=50)[0]
        shuffled = table_of(*pairs_of(small_study.sample(frac=1, random_state=1)), seed=1, draws=50)[0]
        pd.testing.assert_frame_equal(shuffled, expected)


def test_readers_who_move_together_have_correlation_one() -> None:
    frame = pd.DataFrame({"case": list("abcd") * 2, "reader": ["r1"] * 4 + ["r2"] * 4})
    assert reader_correlation(frame.assign(difference=[1, 2, 0, 1, 2, 4, 0, 2.0])) == pytest.approx(1)
    assert np.isnan(reader_correlation(frame.assign(difference=[1, 2, 0, 1, 2, 2, 2, 2.0])))


@pytest.mark.parametrize(
    ("cases", "differences", "reason"),
    [([], [], "no pair"), (["a", "a"], [1, 2], "only one case"), (["a", "b"], [0, 0], "zero")],
)
def test_what_cannot_be_tested_over_cases_says_why(cases: list[str], differences: list[float], reason: str) -> None:
    found = case_effect(
        pd.Series(cases, dtype=str), np.array(differences, dtype=float), rng=np.random.default_rng(0), draws=20
    )
    assert reason in str(found.reason)
    assert np.isnan([found.ci_low, found.ci_high, found.p_value]).all()


@pytest.mark.shared_data
def test_the_published_study_shows_correlated_readers_and_a_period_effect(published_study: pd.DataFrame) -> None:
    frame, pairs = pairs_of(published_study)
    effects = effect_table(frame, pairs, seed=1, draws=200)[0].set_index(["question", "label", "target"])
    assert cell_of(effects, ("correct_feature", "TP", "all"), "reader_correlation") == pytest.approx(0.42, abs=5e-3)
    assert cell_of(effects, ("confidence", "TP", "all"), "mean_difference") == pytest.approx(0.15)
    periods = period_table(frame, pairs, seed=1, draws=200)[0].set_index(["question", "label"])["period_effect"]
    assert periods[("correct_feature", "TP")] == pytest.approx(-0.27, abs=5e-3)
    assert periods[("correct_feature", "FP")] == pytest.approx(-0.34, abs=5e-3)


def test_readers_who_differ_in_number_from_case_to_case_are_flipped_with_their_case() -> None:
    cases = pd.Series(["a", "a", "a", "b", "c", "c", "d", "e", "e", "e", "e"])
    differences = np.array([1.0, 2, 0, 1, 3, -1, 2, 1, 1, 0, -1])
    sums = np.array([3.0, 1, 2, 2, 1])
    flips = np.array(list(itertools.product([1, -1], repeat=5))) @ sums
    found = case_effect(cases, differences, rng=np.random.default_rng(1), draws=20)
    assert found.p_value == np.mean(np.abs(flips) >= 9)


def continuous_study() -> pd.DataFrame:
    """40 true positives on a scale without steps, second arm a little higher."""
    rng = np.random.default_rng(8)
    rows = []
    for case, arm in itertools.product(range(40), "AB"):
        value = 50 + 8 * (arm == "B") + 20 * rng.standard_normal()
        rows.append({"case": f"c{case}", "arm": arm, "period": 1 + (arm == "B"), "value": value})
    return pd.DataFrame(rows).assign(reader="r", target="Mass", label="TP", question="q")


def test_a_p_that_had_to_be_drawn_stands_with_its_interval_and_draws() -> None:
    frame, pairs = pairs_of(continuous_study())
    table, _ = effect_table(frame, pairs, seed=1, draws=500)
    row = row_of(table.set_index(["label", "target"]), ("TP", "Mass"))
    assert row["draws"] >= 500
    assert row["p_mc_low"] < row["p_value"] < row["p_mc_high"]
    assert not row["p_mc_low"] <= 0.05 <= row["p_mc_high"]


@pytest.mark.shared_data
def test_the_published_false_positives_of_cardiomegaly_are_not_significant(published_study: pd.DataFrame) -> None:
    """2,000 draws gave p .0035 and Holm-adjusted .042; by the distribution of all 2**20 flips it is .0645."""
    frame, pairs = pairs_of(published_study)
    table = effect_table(frame, pairs, seed=20260101, draws=50)[0].set_index(["question", "label", "target"])
    row = row_of(table, ("confidence", "FP", "Cardiomegaly"))
    # R: s are the sums of both readers' differences of the 20 cases; g as in test_sign_flip; sum(abs(g %*% s) >= 12)
    assert row["p_value"] == 5632 / 2**20
    assert row["p_holm"] == pytest.approx(12 * 5632 / 2**20)
    assert round(row["p_holm"], 4) == 0.0645
    assert table["draws"].isna().all()


def test_carry_over_is_the_difference_of_the_orders_in_their_middle() -> None:
    frame = crossover(effect=1.0, period=-0.5, cases=40)
    # Whoever saw B first keeps half a point of it in the second period, which is the period of A.
    carried = (frame["arm"] == "A") & (frame["period"] == 2)
    frame.loc[carried, "value"] += 0.5
    frame["value"] -= 0.5 * frame["case"].str[1:].astype(int)
    row = period_table(*pairs_of(frame), seed=1, draws=200)[0].iloc[0]
    assert row["carry_over"] == pytest.approx(-0.25)
    assert np.isnan(row["carry_over_low"])


def test_an_effect_that_is_the_same_in_every_case_has_no_interval_of_one_point() -> None:
    frame, pairs = pairs_of(crossover(effect=1.0, period=0.0, cases=10))
    table, messages = effect_table(frame, pairs, seed=1, draws=200)
    row = row_of(table.set_index(["label", "target"]), ("TP", "all"))
    assert row["mean_difference"] == 1
    assert np.isnan([row["ci_low"], row["ci_high"]]).all()
    assert row["p_value"] == 2 / 2**10
    assert (
        "Effect over cases, q, TP, all targets: no interval, because the differences of all cases are alike."
        in messages
    )


def test_equivalence_lies_within_the_margin_or_not() -> None:
    rng = np.random.default_rng(1)
    rows = []
    for case, arm in itertools.product(range(80), "AB"):
        value = 3 + 0.2 * (arm == "B") + 0.1 * rng.standard_normal()
        rows.append({"case": f"c{case}", "arm": arm, "period": 1 + (arm == "B"), "value": value})
    frame, pairs = pairs_of(pd.DataFrame(rows).assign(reader="r", target="Mass", label="FP", question="q"))
    for margin, equivalent in ((0.5, True), (0.15, False)):
        table, messages = equivalence_table(frame, pairs, margin=margin, seed=1, draws=500)
        row = row_of(table.set_index(["label", "target"]), ("FP", "all"))
        assert row["low_90"] < 0.2 < row["high_90"]
        assert row["equivalent"] is equivalent
        # False positives must not score higher by the margin.
        assert row["not_worse"] is equivalent
        assert bool(row["p_equivalence"] < 0.05) is equivalent
        assert any("TP, all targets: no test" in message for message in messages)


def test_equivalence_of_cases_that_are_all_alike_is_not_claimed() -> None:
    """Three cases with the difference 0 would be equivalent within any margin, with certainty."""
    frame, pairs = pairs_of(crossover(effect=0.0, period=0.0, cases=3))
    table, messages = equivalence_table(frame, pairs, margin=0.5, seed=1, draws=200)
    row = row_of(table.set_index(["label", "target"]), ("TP", "all"))
    assert np.isnan([row["low_90"], row["high_90"], row["p_equivalence"]]).all()
    assert row["equivalent"] is not True
    assert any("no test, because the differences of all cases are alike" in message for message in messages)


def test_the_effect_has_ranks_and_readers_beside_it(small_study: pd.DataFrame) -> None:
    frame, pairs = pairs_of(small_study)
    row = effect_table(frame, pairs, seed=1, draws=100)[0].iloc[0]
    own = pairs.table[pairs.table["label"] == "TP"]
    test = clustered_signed_rank(np.unique(own["case"], return_inverse=True)[1], own["difference"].to_numpy())
    assert row["signed_rank_p"] == test.p_value
    assert row["signed_rank_exact"] == pytest.approx(test.p_value, abs=0.1)
    assert row["shift_low"] <= row["shift"] <= row["shift_high"]
    assert row["rank_biserial"] == signed_rank(own["difference"]).rank_biserial
    assert row["case_reader_low"] <= row["mean_difference"] <= row["case_reader_high"]


def test_one_reader_has_no_interval_over_readers_and_a_sentence(small_study: pd.DataFrame) -> None:
    frame, pairs = pairs_of(small_study[small_study["reader"] == "r1"])
    table, messages = effect_table(frame, pairs, seed=1, draws=50)
    assert table["case_reader_low"].isna().all()
    assert "Effect over cases: no interval over cases and readers, because there is one reader." in messages
