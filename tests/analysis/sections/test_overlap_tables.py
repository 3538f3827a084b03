"""IoU against the readers' scores: the published line, and the rank correlation that counts a case once."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.data.schema import validate
from analysis.sections.ordinal_tables import IOU, iou_ordinal_table
from analysis.sections.overlap_tables import published_table, rank_table, with_chance_corrected
from analysis.statistics.chance_corrected import chance_corrected
from analysis.statistics.rank_correlation import MIN_CASES, rank_correlation
from tests.typed import cell_of, row_of


def cases(scores: list[float], ious: list[float], *, target: str = "Mass", readers: int = 1) -> pd.DataFrame:
    """One true positive per score, in arm A, scored alike by all readers."""
    return pd.DataFrame(
        [
            {
                "reader": f"r{reader}",
                "case": f"{target}{number}",
                "target": target,
                "label": "TP",
                "arm": "A",
                "period": 1,
                "question": "feature",
                "value": score,
                "iou": overlap,
            }
            for number, (score, overlap) in enumerate(zip(scores, ious, strict=True))
            for reader in range(readers)
        ]
    )


def ranks_of(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    return rank_table(validate(frame), seed=seed, draws=500)[0].set_index(["arm", "target"])


def test_the_published_line_is_least_squares_of_iou_on_the_score() -> None:
    # R: lm(c(.1, .2, .2, .4) ~ c(1, 2, 3, 5)); by hand sxy = .65, sxx = 8.75, mean x 2.75, mean y .225.
    table, messages = published_table(validate(cases([1, 2, 3, 5], [0.1, 0.2, 0.2, 0.4])))
    line = row_of(table.set_index(["arm", "target"]), ("A", "Mass"))
    assert line["slope"] == pytest.approx(0.625 / 8.75)
    assert line["intercept"] == pytest.approx(0.225 - 2.75 * 0.625 / 8.75)
    assert line["n"] == 4
    assert line["status"] == "as published"
    assert messages == []


def test_the_published_line_counts_each_reader_and_the_rank_correlation_each_case() -> None:
    frame = cases([1, 2, 3, 5, 4], [0.1, 0.2, 0.2, 0.4, 0.3], readers=3)
    assert published_table(validate(frame))[0]["n"].tolist() == [15, 15, 15, 15]
    assert ranks_of(frame)["n_cases"].tolist() == [5, 5]


def test_false_positives_do_not_enter() -> None:
    frame = pd.concat([cases([1, 2, 3], [0.1, 0.2, 0.3]), cases([5], [0.9], target="Edema").assign(label="FP")])
    assert set(published_table(validate(frame))[0]["target"]) == {"all", "Mass"}


def test_the_rank_correlation_of_one_target_is_spearmans() -> None:
    scores, ious = [1.0, 2.0, 2.0, 3.0, 5.0, 4.0], [0.1, 0.3, 0.2, 0.2, 0.5, 0.1]
    found = row_of(ranks_of(cases(scores, ious)), ("A", "Mass"))
    assert found["spearman"] == pytest.approx(stats.spearmanr(scores, ious).statistic)
    assert found["ci_low"] < found["spearman"] < found["ci_high"]


def test_readers_are_averaged_before_ranking() -> None:
    frame = cases([1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5], readers=2)
    second = frame["reader"] == "r1"
    frame.loc[second, "value"] = [3, 1, 4, 2, 5]
    expected = stats.spearmanr([2, 1.5, 3.5, 3, 5], [0.1, 0.2, 0.3, 0.4, 0.5]).statistic
    assert cell_of(ranks_of(frame), ("A", "Mass"), "spearman") == pytest.approx(expected)


def test_pooling_targets_of_different_size_cannot_invert_the_sign() -> None:
    """Within each target a higher score goes with less IoU; across targets with more (Simpson's paradox)."""
    small = cases([1, 2, 3, 2, 1], [0.14, 0.12, 0.10, 0.11, 0.13], target="Mass")
    large = cases([3, 4, 5, 4, 3], [0.54, 0.52, 0.50, 0.51, 0.53], target="Cardiomegaly")
    frame = pd.concat([small, large])
    table, _ = published_table(validate(frame))
    assert cell_of(table.set_index(["arm", "target"]), ("A", "all"), "slope") > 0
    found = ranks_of(frame)
    within = [cell_of(found, ("A", target), "spearman") for target in ("Mass", "Cardiomegaly")]
    assert cell_of(found, ("A", "all"), "spearman") == pytest.approx(np.mean(within))
    assert cell_of(found, ("A", "all"), "spearman") < 0


def test_the_permutation_p_holds_its_size_and_finds_order() -> None:
    rng = np.random.default_rng(5)
    rejected = 0
    for _ in range(200):
        result = rank_correlation([(rng.integers(1, 6, 20).astype(float), rng.random(20))], rng=rng, draws=199)
        rejected += result.p_value <= 0.05
    # Binomial(200, .05) lies in 3..20 with probability .9995.
    assert 3 <= rejected <= 20
    ordered = np.arange(20.0)
    assert rank_correlation([(ordered, ordered)], rng=rng, draws=999).p_value == pytest.approx(1 / 1000)


def test_a_groups_numbers_depend_on_the_seed_alone_and_not_on_rows_or_other_groups() -> None:
    frame = cases([1, 2, 2, 3, 5, 4], [0.1, 0.3, 0.2, 0.2, 0.5, 0.1])
    other = cases([1, 3, 2, 4], [0.5, 0.3, 0.2, 0.2], target="Edema")
    alone = row_of(ranks_of(frame), ("A", "Mass"))
    beside = row_of(ranks_of(pd.concat([other, frame]).sample(frac=1, random_state=2)), ("A", "Mass"))
    pd.testing.assert_series_equal(alone, beside)
    assert cell_of(ranks_of(frame, seed=2), ("A", "Mass"), "ci_low") != alone["ci_low"]


@pytest.mark.parametrize(
    ("scores", "ious"),
    [([4.0] * 6, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), ([1.0, 2, 3, 4, 5], [0.2] * 5), ([1.0, 2], [0.1, 0.2])],
)
def test_what_has_no_line_or_order_says_so(scores: list[float], ious: list[float]) -> None:
    checked = validate(cases(scores, ious))
    table, messages = published_table(checked)
    assert table["slope"].isna().all()
    assert len(messages) == len(table)
    table, messages = rank_table(checked, seed=1, draws=50)
    assert table[["spearman", "p_value"]].isna().all(axis=None)
    assert all(f"no target has {MIN_CASES} cases" in message for message in messages)
    assert len(messages) == len(table)


def test_kendall_stands_beside_spearman() -> None:
    scores, ious = [1.0, 2.0, 2.0, 3.0, 5.0, 4.0], [0.1, 0.3, 0.2, 0.2, 0.5, 0.1]
    found = row_of(ranks_of(cases(scores, ious)), ("A", "Mass"))
    assert found["kendall"] == pytest.approx(stats.kendalltau(scores, ious).statistic)


def test_a_map_at_random_has_a_corrected_iou_of_zero() -> None:
    area = np.array([0.05, 0.2, 0.5])
    assert chance_corrected(area / (2 - area), area, None) == pytest.approx(0)
    assert chance_corrected(np.ones(3), area, None) == pytest.approx(1)
    # A map that marks everything but a speck overlaps with the mask by about the mask's share.
    assert chance_corrected(np.array([0.2]), np.array([0.2]), np.array([1 - 1e-9])) == pytest.approx(0, abs=1e-6)
    assert np.isnan(chance_corrected(np.array([0.2, 0.2]), np.array([0.0, 1.0]), None)).all()


def test_random_maps_have_the_expected_iou() -> None:
    rng = np.random.default_rng(6)
    mask = rng.random((300, 40, 40)) < 0.3
    marked = rng.random((300, 40, 40)) < 0.1
    ious = (mask & marked).sum(axis=(1, 2)) / (mask | marked).sum(axis=(1, 2))
    corrected = chance_corrected(ious, np.full(300, 0.3), np.full(300, 0.1))
    assert corrected.mean() == pytest.approx(0, abs=2e-3)


def test_the_areas_are_columns_of_the_responses() -> None:
    frame = cases([1, 2, 3, 5], [0.1, 0.2, 0.2, 0.4]).assign(mask_area=["0.1", "0.2", "", "0.3"])
    known, messages = with_chance_corrected(validate(frame))
    assert known["iou"].to_numpy() == pytest.approx(
        chance_corrected(np.array([0.1, 0.2, 0.4]), np.array([0.1, 0.2, 0.3]), None)
    )
    assert "1 cases x arms" in messages[0]
    marked, _ = with_chance_corrected(validate(frame.assign(map_area=["0.3", "", "", "0.3"])))
    assert marked["iou"].to_numpy() == pytest.approx(
        chance_corrected(np.array([0.1, 0.2, 0.4]), np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.2, 0.3]))
    )
    without, messages = with_chance_corrected(validate(frame.drop(columns="mask_area")))
    assert without.empty
    assert "mask_area is empty" in messages[0]


def test_the_ordinal_model_finds_a_rating_that_follows_iou() -> None:
    rng = np.random.default_rng(7)
    ious = rng.uniform(0, 0.6, 120)
    frame = cases([3.0] * 120, list(ious), readers=2)
    latent = 1 + 6 * frame["iou"].to_numpy() + rng.logistic(0, 0.6, len(frame))
    points = validate(frame.assign(value=np.clip(np.round(latent), 1, 5)))
    table, messages = iou_ordinal_table(points, points["iou"].to_numpy(), ["A", "B"])
    row = row_of(table.set_index("term"), IOU)
    # A latent logistic with scale .6 and slope 6: log odds of 10 per unit of IoU, so 1 per 0.1.
    assert row["or_low"] < np.e < row["or_high"]
    assert row["p_value"] < 1e-6
    assert any("arm" in message for message in messages)
