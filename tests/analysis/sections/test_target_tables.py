"""AUC within targets: pairs of the same target only."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.data.ratings import Ratings
from analysis.mrmc.merit import Resampling, auc_merit, by_target
from analysis.mrmc.obuchowski_rockette import compare, obuchowski_rockette
from analysis.sections.target_tables import POOLED, target_tables
from analysis.statistics.multiplicity import holm
from tests.analysis.mrmc.test_obuchowski_rockette import auc_by_pairs, simulated
from tests.typed import cell_of, present


def with_targets(ratings: Ratings) -> Ratings:
    """Three targets of unequal size; the first two cases of all are a target of their own."""
    names = ["Thin", "Thin", *("Mass" if k % 5 < 2 else "Edema" for k in range(len(ratings.cases) - 2))]
    return replace(ratings, targets=tuple(names))


def test_the_pooled_auc_is_the_share_of_pairs_within_targets_in_the_right_order() -> None:
    ratings = with_targets(simulated(2, 3, cases=41))
    tables, messages = target_tables(ratings)
    pooled = tables["auc_targets"].query("target == @POOLED").set_index("treatment")
    targets = np.array(ratings.targets)
    for i, treatment in enumerate(ratings.treatments):
        wins = pairs = 0.0
        for scores in ratings.scores[i]:
            for target in ("Mass", "Edema"):
                own = targets == target
                number = np.sum(ratings.truth[own]) * np.sum(~ratings.truth[own])
                wins += number * auc_by_pairs(scores[own], ratings.truth[own])
                pairs += number
        assert cell_of(pooled, treatment, "auc") == pytest.approx(wins / pairs)
    assert any("AUC of Thin: none, because 1 cases with and 1 without" in message for message in messages)


def test_a_target_by_itself_is_analysed_like_a_study_of_its_cases() -> None:
    ratings = with_targets(simulated(2, 6, cases=60))
    tables, _ = target_tables(ratings, covariance="delong")
    own = by_target(ratings)["Mass"]
    expected = obuchowski_rockette(own, covariance="delong")
    rows = tables["auc_target_differences"].query("target == 'Mass'").set_index("analysis")
    for name in ("RRRC", "FRRC", "RRFC"):
        assert cell_of(rows, name, "p_value") == pytest.approx(expected.analysis(name).p_value)
    assert cell_of(rows, expected.headline, "headline")


def test_holm_adjusts_over_targets_and_not_over_the_pooled_row() -> None:
    tables, _ = target_tables(with_targets(simulated(2, 3, cases=41)))
    fixed = tables["auc_target_differences"].query("analysis == 'FRRC'").set_index("target")
    assert np.isnan(present(cell_of(fixed, POOLED, "p_holm")))
    alone = fixed.drop(index=POOLED)
    np.testing.assert_allclose(alone["p_holm"].to_numpy(dtype=float), holm(alone["p_value"]))


@pytest.mark.parametrize("treatments", [1, 2])
def test_the_bootstrap_covariance_is_near_the_jackknife_and_does_not_change_with_the_seed_alone(
    treatments: int,
) -> None:
    ratings = simulated(treatments, 2, cases=200)
    jackknife = auc_merit(ratings).covariance
    drawn = auc_merit(ratings, covariance="bootstrap", resampling=Resampling(seed=3, draws=4000)).covariance
    np.testing.assert_allclose(drawn, jackknife, rtol=0.12, atol=2e-5)
    again = auc_merit(ratings, covariance="bootstrap", resampling=Resampling(seed=3, draws=4000)).covariance
    np.testing.assert_array_equal(drawn, again)


def test_readers_who_differ_by_the_same_amount_give_no_test_instead_of_certainty() -> None:
    ratings = simulated(2, 3)
    merit = auc_merit(ratings)
    same = replace(merit, values=np.array([[0.7, 0.8, 0.9], [0.6, 0.7, 0.8]]))
    fixed_cases = compare(same, ratings.treatments, ratings.readers).analysis("RRFC")
    assert fixed_cases.reason is not None
    assert np.isnan(fixed_cases.p_value)
