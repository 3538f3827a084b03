"""AUC, its interval, operating points and calibration against values worked out by hand or by a formula."""

from __future__ import annotations

import numpy as np
import pytest

from explainer.training.metrics import (
    area_under_curve,
    calibrate,
    clustered_interval,
    operating_point,
)


def test_the_auc_counts_ordered_pairs_and_half_of_the_ties() -> None:
    # Pairs (positive, negative): .8>.1, .8>.5, .5>.1, .5=.5: 3.5 of 4.
    assert area_under_curve([0.8, 0.5, 0.1, 0.5], [1, 1, 0, 0]) == 0.875


def test_the_auc_of_one_class_is_not_a_number() -> None:
    assert np.isnan(area_under_curve([0.1, 0.2], [1, 1]))


def test_the_interval_holds_the_auc_and_widens_when_images_come_from_few_patients() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.random(40) < 0.5, 5)
    scores = labels + np.repeat(rng.normal(0, 1, 40), 5)
    few = clustered_interval(scores, labels, [str(i // 5) for i in range(200)], rng=rng, resamples=400)
    many = clustered_interval(scores, labels, [str(i) for i in range(200)], rng=rng, resamples=400)
    area = area_under_curve(scores, labels)
    assert few[0] < area < few[1]
    assert few[1] - few[0] > 1.3 * (many[1] - many[0])


def test_the_operating_point_maximises_youdens_j_of_normal_logits() -> None:
    # Logits N(0, 1) and N(2, 1): J is largest where the densities cross, at 1.
    rng = np.random.default_rng(1)
    logits = np.concatenate([rng.normal(0, 1, 4000), rng.normal(2, 1, 1000)])
    labels = np.repeat([0, 1], [4000, 1000])
    probabilities = 1 / (1 + np.exp(-logits))
    found = operating_point(probabilities, labels)
    assert np.log(found / (1 - found)) == pytest.approx(1, abs=0.05)
    j = [
        ((probabilities > cut) == labels)[labels == 1].mean() + ((probabilities > cut) == labels)[labels == 0].mean()
        for cut in (found, found - 0.15, found + 0.15)
    ]
    assert j[0] == max(j)


def test_an_operating_point_needs_both_classes() -> None:
    with pytest.raises(ValueError, match="with and without"):
        operating_point([0.1, 0.9], [1, 1])


def test_calibration_maps_zero_the_operating_point_and_one() -> None:
    assert calibrate([0.0, 0.1, 0.2, 0.6, 1.0], 0.2).tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
