"""The published tests without the normal approximation."""

import numpy as np
import pandas as pd
import pytest

from analysis.data.pairs import make_pairs
from analysis.data.schema import validate
from analysis.sections.wilcoxon import WILCOXON_EXACT
from analysis.sections.wilcoxon_tables import exact_table, wilcoxon_table
from analysis.statistics.multiplicity import holm
from tests.typed import row_of


def study(differences: list[int]) -> pd.DataFrame:
    rows = [
        {"case": f"c{case}", "arm": arm, "value": 5 + (difference if arm == "B" else 0)}
        for case, difference in enumerate(differences)
        for arm in "AB"
    ]
    return pd.DataFrame(rows).assign(reader="r", target="Mass", label="TP", period=1, question="q")


@pytest.mark.parametrize(
    ("differences", "statistic", "p_value"),
    [
        # R: wilcox.test(1:6, exact = TRUE)
        ([1, 2, 3, 4, 5, 6], 0, 0.03125),
        # R: d <- rep(-4:4, c(1, 4, 16, 15, 8, 4, 5, 1, 2)); d <- d[d != 0]; r <- 2 * rank(abs(d)); dens <- 1
        # for (k in r) dens <- (c(dens, rep(0, k)) + c(rep(0, k), dens)) / 2; 2 * sum(dens[1:(2 * 327 + 1)])
        (np.repeat(np.arange(-4, 5), [1, 4, 16, 15, 8, 4, 5, 1, 2]).tolist(), 327, 0.0058877436024),
    ],
)
def test_p_is_that_of_the_rank_sum_over_all_signs(differences: list[int], statistic: float, p_value: float) -> None:
    frame = validate(study(differences))
    row = row_of(exact_table(frame, make_pairs(frame, ("A", "B"))).set_index(["label", "target"]), ("TP", "Mass"))
    assert (row["statistic"], row["method"]) == (statistic, "exact")
    assert row["p_value"] == pytest.approx(p_value, rel=1e-9)
    assert row["n_nonzero"] == np.count_nonzero(differences)


def test_what_cannot_be_tested_is_empty(small_study: pd.DataFrame) -> None:
    frame = validate(small_study.assign(value=3))
    table = exact_table(frame, make_pairs(frame, ("A", "B")))
    assert list(table.columns) == WILCOXON_EXACT.names
    assert table[["statistic", "p_value", "p_holm"]].isna().all(axis=None)


@pytest.mark.shared_data
def test_the_published_study_keeps_its_statistics_and_has_exact_ps_beside(published_study: pd.DataFrame) -> None:
    frame = validate(published_study)
    pairs = make_pairs(frame, ("A", "B"))
    exact, published = exact_table(frame, pairs), wilcoxon_table(frame, pairs)[0]
    pd.testing.assert_series_equal(exact["statistic"], published["statistic"])
    # Twenty or more differences that are not zero, and the normal approximation is near.
    near = exact["n_nonzero"] >= 20
    assert near.sum() >= 10
    assert (exact["p_value"] - published["p_value"])[near].abs().max() < 0.04
    assert (exact["method"] == "exact").all()
    own = exact[(exact["question"] == "confidence") & (exact["target"] != "all")]
    np.testing.assert_allclose(own["p_holm"], holm(own["p_value"]))
