"""Agreement statistics against published examples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.agreement import Metric, Weights, icc, icc_intervals, iccs, kappa, krippendorff_alpha

FUN = ["Never Fun", "Fairly Often", "Very Often", "Always fun"]


@pytest.mark.parametrize(("weights", "value", "ase"), [("unweighted", 0.4842, 0.1380), ("linear", 0.4701, 0.1457)])
def test_kappa_and_its_standard_error_agree_with_the_reference(weights: Weights, value: float, ase: float) -> None:
    result = kappa([[0, 4, 1], [0, 8, 0], [0, 1, 5]], weights=weights)
    assert result.value == pytest.approx(value, abs=5e-5)
    assert result.ase == pytest.approx(ase, abs=5e-5)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("weights", "value"), [("unweighted", 0.1293303), ("linear", 0.2373806), ("quadratic", 0.3320456)]
)
def test_kappas_of_the_sexual_fun_data_are_the_published_ones(
    shared_data_dir: Path, weights: Weights, value: float
) -> None:
    frame = pd.read_csv(shared_data_dir / "statistics" / "sexual_fun_kappa.csv")
    table = frame.pivot_table(index="Husband", columns="Wife", values="Freq").loc[FUN, FUN]
    assert kappa(table.to_numpy(), weights=weights).value == pytest.approx(value, abs=5e-8)


@pytest.mark.shared_data
def test_iccs_of_shrout_and_fleiss_are_the_published_ones(shared_data_dir: Path) -> None:
    ratings = pd.read_csv(shared_data_dir / "statistics" / "shrout_fleiss_1979.csv").to_numpy()
    assert [round(value, 2) for value in icc(ratings).values()] == [0.17, 0.29, 0.71, 0.44, 0.62, 0.91]


# Table 2 of Shrout and Fleiss (1979): six targets, four judges.
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def test_intervals_of_iccs_are_those_of_the_r_package_psych() -> None:
    # psych::ICC(sf), lower bound and upper bound.
    expected = {
        "ICC(1,1)": (-0.133, 0.72),
        "ICC(2,1)": (0.019, 0.76),
        "ICC(3,1)": (0.342, 0.95),
        "ICC(1,k)": (-0.884, 0.91),
        "ICC(2,k)": (0.071, 0.93),
        "ICC(3,k)": (0.676, 0.99),
    }
    for name, (low, high) in icc_intervals(SHROUT_FLEISS).items():
        assert low == pytest.approx(expected[name][0], abs=5e-4)
        assert high == pytest.approx(expected[name][1], abs=5e-3)


def test_intervals_of_iccs_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    covered = []
    for _ in range(400):
        # Variances 4 of cases, 1 of readers, 3 of the rest: ICC(2,1) is 1/2, of the mean of 5 readers 5/6.
        ratings = 2 * rng.normal(size=(20, 1)) + rng.normal(size=5) + np.sqrt(3) * rng.normal(size=(20, 5))
        intervals = icc_intervals(ratings)
        truths = {"ICC(2,1)": 0.5, "ICC(2,k)": 5 / 6, "ICC(3,1)": 4 / 7}
        covered.append([intervals[name][0] <= truth <= intervals[name][1] for name, truth in truths.items()])
    # Four standard errors of a share of 400 are .044.
    assert np.abs(np.mean(covered, axis=0) - 0.95).max() < 0.044


def test_without_variation_there_is_no_interval_of_an_icc() -> None:
    for ratings in ([[3, 3], [3, 3]], [[1, 1], [2, 2], [3, 3]]):
        assert np.isnan(list(icc_intervals(ratings).values())).all()


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("metric", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_krippendorffs_alphas_are_the_published_ones(shared_data_dir: Path, metric: Metric, value: float) -> None:
    ratings = pd.read_csv(shared_data_dir / "statistics" / "krippendorff_4x12.csv").to_numpy().T
    assert krippendorff_alpha(ratings, metric=metric) == pytest.approx(value, abs=5e-4)


def test_weights_follow_the_scores_and_not_the_categories_that_happen_to_be_used() -> None:
    used = kappa([[3, 1], [1, 3]], weights="linear", scores=[1, 5]).value
    with_unused = np.zeros((5, 5))
    with_unused[np.ix_([0, 4], [0, 4])] = [[3, 1], [1, 3]]
    assert kappa(with_unused, weights="linear").value == pytest.approx(used)
    assert kappa([[3, 1, 0], [0, 2, 0], [1, 0, 3]], weights="linear", scores=[1, 2, 5]).value != pytest.approx(
        kappa([[3, 1, 0], [0, 2, 0], [1, 0, 3]], weights="linear").value
    )


def test_quadratic_kappa_of_many_categories_is_nearly_an_intraclass_correlation() -> None:
    """Fleiss and Cohen 1973: quadratic kappa equals ICC(2,1) but for a term of order 1/n."""
    rng = np.random.default_rng(0)
    case = rng.integers(1, 6, 4000)
    ratings = np.clip(case[:, None] + rng.integers(-1, 2, (4000, 2)), 1, 5)
    table = np.histogram2d(ratings[:, 0], ratings[:, 1], bins=np.arange(0.5, 6))[0]
    assert kappa(table, weights="quadratic").value == pytest.approx(icc(ratings)["ICC(2,1)"], abs=1e-3)


@pytest.mark.parametrize("metric", ["nominal", "ordinal", "interval", "ratio"])
def test_perfect_agreement_is_one_and_no_variation_is_undefined(metric: Metric) -> None:
    assert krippendorff_alpha([[1, 1], [3, 3], [5, 5]], metric=metric) == pytest.approx(1)
    assert np.isnan(krippendorff_alpha([[2, 2], [2, 2]], metric=metric))


def test_without_variation_kappa_and_icc_are_undefined() -> None:
    assert np.isnan(kappa([[5, 0], [0, 0]]).value)
    assert np.isnan(kappa([[5, 0], [0, 0]]).ase)
    assert all(np.isnan(value) for value in icc([[3, 3], [3, 3]]).values())


def test_a_table_that_is_not_square_is_refused() -> None:
    with pytest.raises(ValueError, match="square"):
        kappa([[1, 2, 3], [4, 5, 6]])


def test_a_resample_counts_its_cases_as_often_as_it_draws_them() -> None:
    ratings = np.random.default_rng(1).integers(1, 6, (12, 4)).astype(float)
    weights = np.array([[0, 1, 2, 0, 3, 1, 1, 0, 2, 0, 1, 1], [1.0] * 12])
    repeated = np.repeat(ratings, weights[0].astype(int), axis=0)
    for name, values in iccs(ratings, weights).items():
        assert values == pytest.approx([icc(repeated)[name], icc(ratings)[name]])
        assert icc(ratings + 1e6)[name] == pytest.approx(icc(ratings)[name])
