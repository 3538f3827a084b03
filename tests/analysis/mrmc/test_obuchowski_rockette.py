"""Obuchowski-Rockette: the Van Dyke data as published, brute-force checks, and the guard against few readers."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.commands.main import main
from analysis.data.ratings import Ratings, crossed, load_ratings
from analysis.mrmc.merit import Covariance, Resampling
from analysis.mrmc.obuchowski_rockette import Analysis, ObuchowskiRockette, obuchowski_rockette
from analysis.report.mrmc_report import build_mrmc
from analysis.sections.treatments import SECTIONS

VAN_DYKE_AUC = [
    [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
    [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
]


def simulated(treatments: int, readers: int, *, cases: int = 30, seed: int = 0, levels: int | None = 5) -> Ratings:
    """Ratings with reader and case effects, of which half of the cases have the condition."""
    rng = np.random.default_rng(seed)
    truth = np.arange(cases) % 2 == 1
    latent = truth + rng.normal(size=cases) + 0.3 * rng.normal(size=(treatments, readers, 1))
    scores = latent + rng.normal(size=(treatments, readers, cases))
    if levels is not None:
        scores = np.clip(np.round(scores + 2), 0, levels - 1)
    return Ratings(
        scores=scores,
        truth=truth,
        treatments=tuple(f"t{i}" for i in range(treatments)),
        readers=tuple(f"r{j}" for j in range(readers)),
        cases=tuple(f"c{k}" for k in range(cases)),
        incomplete=(),
    )


def auc_by_pairs(scores: np.ndarray[Any, Any], truth: np.ndarray[Any, Any]) -> float:
    pairs = scores[truth][:, None] - scores[~truth][None, :]
    return float(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


def named(result: ObuchowskiRockette, name: str) -> Analysis:
    return next(analysis for analysis in result.analyses if analysis.name == name)


@pytest.fixture(scope="module")
def van_dyke(shared_data_dir: Path) -> ObuchowskiRockette:
    return obuchowski_rockette(crossed(load_ratings(shared_data_dir / "statistics" / "vandyke.csv")))


@pytest.mark.shared_data
def test_van_dyke_aucs_and_components_are_the_published_ones(van_dyke: ObuchowskiRockette) -> None:
    np.testing.assert_allclose(van_dyke.estimates, VAN_DYKE_AUC, atol=5e-9)
    np.testing.assert_allclose(van_dyke.estimates.mean(axis=1), [0.89703704, 0.94083736], atol=5e-9)
    c = van_dyke.components
    found = [c.ms_treatment, c.ms_reader, c.ms_treatment_reader, c.cov1, c.cov2, c.cov3, c.var_error]
    published = [0.00479617, 0.00383620, 0.00055103, 0.00034661, 0.00034407, 0.00023903, 0.00080229]
    np.testing.assert_allclose(found, published, atol=5e-9)


@pytest.mark.shared_data
def test_van_dyke_random_readers_and_cases(van_dyke: ObuchowskiRockette) -> None:
    test = named(van_dyke, "RRRC")
    assert (test.distribution, test.df1) == ("F", 1)
    assert test.statistic == pytest.approx(4.46, abs=5e-3)
    assert test.df2 == pytest.approx(15.26, abs=5e-3)
    assert test.p_value == pytest.approx(0.0517, abs=5e-5)
    [difference] = test.differences.values()
    assert difference.value == pytest.approx(-0.04380032, abs=5e-9)
    assert (difference.ci_low, difference.ci_high) == pytest.approx((-0.08796, 0.00036), abs=5e-6)
    assert difference.p_value == pytest.approx(test.p_value)


@pytest.mark.shared_data
def test_van_dyke_fixed_readers_and_fixed_cases(van_dyke: ObuchowskiRockette) -> None:
    fixed_readers, fixed_cases = named(van_dyke, "FRRC"), named(van_dyke, "RRFC")
    assert fixed_readers.distribution == "chi2"
    assert fixed_readers.statistic == pytest.approx(5.47595, abs=5e-6)
    assert fixed_readers.p_value == pytest.approx(0.0193, abs=5e-5)
    assert (fixed_cases.df1, fixed_cases.df2) == (1, 4)
    assert fixed_cases.statistic == pytest.approx(8.70, abs=5e-3)
    assert fixed_cases.p_value == pytest.approx(0.0420, abs=5e-5)


@pytest.mark.shared_data
def test_van_dyke_intervals_of_each_treatment(van_dyke: ObuchowskiRockette) -> None:
    """R: RJafroc::StSignificanceTesting(dataset02, FOM = "Wilcoxon", method = "OR")$RRRC$ciAvgRdrEachTrt."""
    expected = {
        "0": (0.89703704, 0.033173597, 12.744648, 0.82522360, 0.96885048),
        "1": (0.94083736, 0.021566368, 12.710190, 0.89413783, 0.98753689),
    }
    for name, numbers in expected.items():
        found = named(van_dyke, "RRRC").treatments[name]
        assert (found.value, found.se, found.df, found.ci_low, found.ci_high) == pytest.approx(numbers, abs=5e-7)


@pytest.mark.shared_data
def test_five_readers_with_sound_variances_may_be_taken_as_random(van_dyke: ObuchowskiRockette) -> None:
    assert van_dyke.distrust == ()
    assert van_dyke.headline == "RRRC"


@pytest.mark.parametrize("levels", [None, 5])
def test_aucs_count_every_pair_and_ties_as_one_half(levels: int | None) -> None:
    ratings = simulated(2, 3, levels=levels)
    expected = [[auc_by_pairs(scores, ratings.truth) for scores in arm] for arm in ratings.scores]
    np.testing.assert_allclose(obuchowski_rockette(ratings).estimates, expected)


def test_the_jackknife_covariance_is_that_of_leaving_out_each_case() -> None:
    ratings = simulated(2, 2, cases=17)
    n = len(ratings.cases)
    left_out = []
    for k in range(n):
        keep = np.arange(n) != k
        left_out.append([auc_by_pairs(s[keep], ratings.truth[keep]) for arm in ratings.scores for s in arm])
    expected = (n - 1) ** 2 / n * np.cov(np.array(left_out).T)
    np.testing.assert_allclose(obuchowski_rockette(ratings).covariance, expected, rtol=1e-10)


def test_the_delong_covariance_is_that_of_placement_values() -> None:
    ratings = simulated(1, 2, cases=16)
    x, y = ratings.scores[0][:, ratings.truth], ratings.scores[0][:, ~ratings.truth]
    wins = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])
    expected = np.cov(wins.mean(axis=2)) / x.shape[1] + np.cov(wins.mean(axis=1)) / y.shape[1]
    np.testing.assert_allclose(obuchowski_rockette(ratings, covariance="delong").covariance, expected)


def test_with_fixed_cases_three_treatments_are_a_repeated_measures_analysis_of_variance() -> None:
    result = obuchowski_rockette(simulated(3, 6))
    y = result.estimates.ravel()
    treatment, reader = np.repeat(np.eye(3), 6, axis=0), np.tile(np.eye(6), (3, 1))

    def residual(design: np.ndarray[Any, Any]) -> float:
        return float(np.sum((y - design @ np.linalg.lstsq(design, y)[0]) ** 2))

    full = residual(np.hstack([reader, treatment]))
    f = ((residual(reader) - full) / 2) / (full / 10)
    test = named(result, "RRFC")
    assert test.statistic == pytest.approx(f)
    assert (test.df1, test.df2) == (2, 10)
    assert test.p_value == pytest.approx(stats.f.sf(f, 2, 10))
    assert list(test.differences) == [("t0", "t1"), ("t0", "t2"), ("t1", "t2")]


def test_two_readers_are_not_taken_as_random() -> None:
    result = obuchowski_rockette(simulated(2, 2))
    assert result.headline == "FRRC"
    assert "there are 2 readers, fewer than 5" in result.distrust


@pytest.mark.parametrize("seed", range(8))
def test_random_readers_are_distrusted_whenever_their_variance_is_negative_or_their_error_smaller(seed: int) -> None:
    result = obuchowski_rockette(simulated(2, 6, seed=seed))
    [random], [fixed] = (named(result, name).differences.values() for name in ("RRRC", "FRRC"))
    expected = result.components.var_treatment_reader < 0 or random.se < fixed.se
    assert (result.headline == "FRRC") == expected


def test_one_reader_gives_the_fixed_reader_result_and_says_why_no_other() -> None:
    ratings = simulated(2, 1)
    result = obuchowski_rockette(ratings)
    assert "one reader" in str(named(result, "RRRC").reason)
    assert "there is 1 reader, fewer than 5" in result.distrust
    fixed = named(result, "FRRC")
    [own] = result.per_reader.values()
    assert fixed.reason is None
    assert fixed.p_value == pytest.approx(own.p_value)
    assert np.isnan(result.components.cov2)


def test_one_treatment_gives_its_auc_with_intervals() -> None:
    result = obuchowski_rockette(simulated(1, 5))
    assert all(analysis.reason == "there is one treatment" for analysis in result.analyses)
    for analysis in result.analyses:
        estimate = analysis.treatments["t0"]
        assert estimate.ci_low < estimate.value < estimate.ci_high


def test_perfect_readers_give_no_test_but_a_reason() -> None:
    ratings = simulated(2, 5)
    perfect = Ratings(
        np.broadcast_to(ratings.truth.astype(float), ratings.scores.shape),
        ratings.truth,
        ratings.treatments,
        ratings.readers,
        ratings.cases,
        (),
    )
    result = obuchowski_rockette(perfect)
    assert result.estimates.tolist() == [[1.0] * 5] * 2
    assert all("do not vary" in str(analysis.reason) for analysis in result.analyses)


@pytest.mark.parametrize("covariance", ["jackknife", "delong"])
def test_the_command_writes_the_tables(tmp_path: Path, covariance: Covariance) -> None:
    ratings = simulated(2, 3)
    rows = [
        {"reader": r, "treatment": t, "case": c, "truth": int(ratings.truth[k]), "rating": ratings.scores[i, j, k]}
        for i, t in enumerate(ratings.treatments)
        for j, r in enumerate(ratings.readers)
        for k, c in enumerate(ratings.cases)
    ]
    frame = pd.DataFrame(rows).sample(frac=1, random_state=1)
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    out = tmp_path / "out"
    assert main(["mrmc", str(tmp_path / "ratings.csv"), "--out", str(out), "--covariance", covariance]) == 0
    results = json.loads((out / "results.json").read_text())
    assert {name: list(rows[0]) for name, rows in results["tables"].items()} == {
        table.name: table.names for table in SECTIONS[0].tables if not table.name.startswith("auc_target")
    }
    headline = [row["analysis"] for row in results["tables"]["auc_tests"] if row["headline"]]
    assert headline == ["FRRC"]
    assert any("fewer than 5" in message for message in results["provenance"]["messages"])
    assert results["provenance"]["options"]["mrmc"]["covariance"] == covariance
    expected = obuchowski_rockette(ratings, covariance=covariance)
    assert results["tables"]["auc_tests"][1]["statistic"] == pytest.approx(named(expected, "FRRC").statistic)
    assert (out / "auc.svg").exists()
    assert "Obuchowski" in (out / "methods.md").read_text()
    assert build_mrmc(frame.iloc[::-1]).provenance["data"]["sha256"] == results["provenance"]["data"]["sha256"]


def test_a_bootstrap_covariance_says_how_far_its_draws_leave_p_open() -> None:
    """Few draws: the range is wide, holds the p-values of other seeds, and is not silent about .05."""
    ratings = simulated(2, 3, cases=60)
    rows = [
        (reader, treatment, case, int(ratings.truth[k]), ratings.scores[i, j, k])
        for i, treatment in enumerate(ratings.treatments)
        for j, reader in enumerate(ratings.readers)
        for k, case in enumerate(ratings.cases)
    ]
    frame = pd.DataFrame(rows, columns=["reader", "treatment", "case", "truth", "rating"])
    report = build_mrmc(frame, covariance="bootstrap", resampling=Resampling(1, 200))
    [sentence] = [message for message in report.messages if "draws of the covariance" in message]
    low, high = (float(number) for number in re.findall(r"covariance ([\d.]+) to ([\d.]+) ", sentence)[0])
    others = [
        obuchowski_rockette(ratings, covariance="bootstrap", resampling=Resampling(seed, 200)).analysis("FRRC").p_value
        for seed in range(2, 12)
    ]
    assert sum(low <= p_value <= high for p_value in others) >= 9
    assert ("on which side of .05" in sentence) == (low < 0.05 < high)
    assert not [message for message in build_mrmc(frame).messages if "draws of" in message]
