"""Active seconds: quartiles, ratios of the arms, period and learning, and thin data."""

import itertools

import numpy as np
import pandas as pd
import pytest

from analysis.data.schema import validate
from analysis.report.build import build
from analysis.sections.time import SECTION
from analysis.sections.time_tables import BLOCKS, time_tables


def timed_study(
    *, arm: float = 1.0, period: float = 1.0, step: float = 1.0, noise: float = 0.0, cases: int = 40
) -> pd.DataFrame:
    """Two readers, arms A and B in either order; seconds are 20 x arm (in B) x period (in 2) x step ** position."""
    rng = np.random.default_rng(2)
    rows = []
    for reader, number, which in itertools.product(("r1", "r2"), range(cases), "AB"):
        later = (which == "B") == (number % 2 == 0)
        position = (number * 7 + (13 if reader == "r2" else 0)) % cases + 1
        seconds = 20.0 * (arm if which == "B" else 1) * (period if later else 1) * step**position
        rows.append(
            {
                "reader": reader,
                "case": f"c{number}",
                "target": "Mass",
                "label": "TP" if number % 3 else "FP",
                "arm": which,
                "period": 2 if later else 1,
                "position": position,
                "seconds": seconds * np.exp(noise * rng.normal()),
            }
        )
    frame = pd.DataFrame(rows)
    return pd.concat([frame.assign(question=name, value=1 + frame["position"] % 5) for name in ("q1", "q2")])


def effects(frame: pd.DataFrame, draws: int = 200) -> pd.DataFrame:
    tables, _ = time_tables(validate(frame), ("A", "B"), seed=1, draws=draws)
    return tables["time_effect"].set_index("effect")


def test_each_reading_counts_once_however_many_questions_it_answers() -> None:
    frame = timed_study(arm=1.5, noise=0.4)
    table = time_tables(validate(frame), ("A", "B"), seed=1, draws=50)[0]["time"]
    own = frame[(frame["arm"] == "B") & (frame["question"] == "q1")]["seconds"]
    row = table[(table["reader"] == "all") & (table["arm"] == "B") & table["period"].isna()].iloc[0]
    assert row["n_readings"] == 80
    assert (row["q1"], row["median"], row["q3"]) == pytest.approx(tuple(own.quantile([0.25, 0.5, 0.75])))
    assert row["geometric_mean"] == pytest.approx(np.exp(np.log(own).mean()))


def test_ratios_of_arm_and_period_are_told_apart() -> None:
    found = effects(timed_study(arm=1.3, period=0.8))
    assert found.loc["arm, adjusted for period", "ratio"] == pytest.approx(1.3)
    assert found.loc["period", "ratio"] == pytest.approx(0.8)
    assert found.loc["arm, adjusted for period", "n_cases"] == 40


def test_the_learning_slope_is_a_ratio_per_ten_cases() -> None:
    found = effects(timed_study(step=0.99))
    assert found.loc["learning", "ratio"] == pytest.approx(0.99**10)


def test_intervals_hold_the_ratio_and_both_readers_of_a_case_are_one_unit() -> None:
    frame = timed_study(arm=1.3, noise=0.5)
    twins = pd.concat([frame[frame["reader"] == "r1"], frame[frame["reader"] == "r1"].assign(reader="r2")])
    single, double = effects(frame[frame["reader"] == "r1"], 4000).loc["arm"], effects(twins, 4000).loc["arm"]
    assert single["ci_low"] < 1.3 < single["ci_high"]
    # A second reader with the same times tells nothing new: the interval stays as wide.
    assert (double["ci_low"], double["ci_high"]) == pytest.approx((single["ci_low"], single["ci_high"]), rel=0.02)


def test_the_learning_curve_has_blocks_of_equal_width() -> None:
    table = time_tables(validate(timed_study(step=0.98)), ("A", "B"), seed=1, draws=50)[0]["time_learning"]
    first = table[table["period"] == 1]
    assert len(first) == BLOCKS
    assert first["first_position"].tolist() == list(range(1, 41, 4))
    assert (first["last_position"] - first["first_position"] == 3).all()
    assert first["median"].is_monotonic_decreasing


def test_the_order_of_rows_does_not_matter() -> None:
    frame = timed_study(noise=0.3)
    expected = time_tables(validate(frame), ("A", "B"), seed=1, draws=50)[0]
    found = time_tables(validate(frame.sample(frac=1, random_state=3)), ("A", "B"), seed=1, draws=50)[0]
    for name, table in expected.items():
        pd.testing.assert_frame_equal(found[name], table)


def test_thin_times_give_sentences() -> None:
    frame = timed_study()
    cases = [
        (frame.assign(seconds=None), "no times"),
        (frame.assign(seconds=frame["seconds"].where(frame["case"] != "c1", 0)), "4 of 160 readings have no time"),
        (frame[frame["arm"] == "A"], "no reader has times of a case in both arms"),
        (frame.assign(period=frame["arm"].map({"A": 1, "B": 2})), "arm and period cannot be told apart"),
        (frame.assign(position=None), "no learning slope"),
    ]
    columns = {table.name: table.names for table in SECTION.tables}
    for thin, message in cases:
        tables, messages = time_tables(validate(thin), ("A", "B"), seed=1, draws=50)
        assert any(message in text for text in messages), (message, messages)
        assert {name: list(table.columns) for name, table in tables.items()} == columns


def test_the_report_has_the_tables_and_the_figure() -> None:
    report = build(timed_study(noise=0.3), draws=50)
    assert {table.name for table in SECTION.tables} <= set(report.tables)
    assert "time" in report.figures
    assert "ratio of geometric means" in report.methods
