"""Who rated what, and the effect with and without readers who are incomplete."""

import pandas as pd

from analysis.data.allocation import check_allocation
from analysis.data.pairs import make_pairs
from analysis.data.schema import validate
from analysis.sections.flow_tables import completeness_table, flow_table
from tests.typed import cell_of, row_of


def flow_of(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    checked = validate(frame)
    pairs = make_pairs(checked, ("A", "B"))
    flow = flow_table(checked, pairs)
    return flow, *completeness_table(flow, pairs, seed=1, draws=50)


def test_a_complete_study_has_complete_readers_and_no_effect_by_completeness(small_study: pd.DataFrame) -> None:
    flow, completeness, messages = flow_of(small_study)
    assert flow["complete"].all()
    assert flow[["cases", "rated_first_arm", "rated_second_arm", "paired"]].to_numpy().tolist() == [[16] * 4] * 2
    assert completeness.empty
    assert messages == []


def test_what_is_missing_is_counted_by_its_kind(small_study: pd.DataFrame) -> None:
    """Reader r2 lacks case c1, arm B of c2 and c3 and arm A of c4, and saw c5 in arm A again."""
    second = small_study["reader"] == "r2"
    gone = second & (
        (small_study["case"] == "c1")
        | (small_study["case"].isin(["c2", "c3"]) & (small_study["arm"] == "B"))
        | ((small_study["case"] == "c4") & (small_study["arm"] == "A"))
    )
    again = small_study[second & (small_study["case"] == "c5") & (small_study["arm"] == "A")].assign(period=3)
    flow, completeness, messages = flow_of(pd.concat([small_study[~gone], again]))
    row = row_of(flow.set_index("reader"), "r2")
    assert row[["rated_first_arm", "rated_second_arm", "paired"]].tolist() == [14, 13, 12]
    assert row[["lacking_first_arm", "lacking_second_arm", "unrated", "repeats"]].tolist() == [1, 2, 1, 1]
    assert row["periods"] == "1 2 3"
    assert not row["complete"]
    assert cell_of(flow.set_index("reader"), "r1", "complete")
    assert "1 of 2 readers have not rated every case" in messages[0]
    counts = completeness[completeness["label"] == "TP"].set_index("set")
    # c1 to c4 are true positives.
    assert counts["n_pairs"].to_dict() == {"all pairs": 12, "complete readers": 8, "cases of every reader": 8}
    assert counts["n_readers"].to_dict() == {"all pairs": 2, "complete readers": 1, "cases of every reader": 2}


def test_a_reader_with_half_a_period_leaves_the_rest(small_study: pd.DataFrame) -> None:
    early = small_study[(small_study["reader"] == "r1") | (small_study["period"] == 1)]
    flow, completeness, _ = flow_of(early)
    assert cell_of(flow.set_index("reader"), "r2", "paired") == 0
    assert cell_of(completeness.set_index(["set", "label"]), ("complete readers", "TP"), "n_pairs") == 8


def test_no_complete_reader_is_said(small_study: pd.DataFrame) -> None:
    _, completeness, messages = flow_of(small_study[(small_study["case"] != "c1") | (small_study["arm"] == "A")])
    row = row_of(completeness.set_index(["set", "label"]), ("complete readers", "TP"))
    assert row["n_pairs"] == 0
    assert any("complete readers: no test, because there is no pair" in message for message in messages)


def test_every_allocated_reading_is_rated_or_has_a_reason(small_study: pd.DataFrame) -> None:
    """Of r2's readings c1 failed, c2 is excluded, c3 was never begun, c4 left open; r3 is withdrawn, r4 not begun."""
    plan = small_study[["reader", "case", "arm", "period"]].drop_duplicates()
    plan = pd.concat([plan, *(plan[plan["reader"] == "r1"].assign(reader=name) for name in ("r3", "r4"))])
    reasons = {"c1": "explanation failed", "c2": "case excluded"}
    second = plan["reader"] == "r2"
    plan["excluded"] = plan["case"].map(reasons).where(second, "").fillna("")
    plan.loc[plan["reader"] == "r3", "excluded"] = "reader withdrawn"
    plan["opened_at"] = "2026-03-02T09:00:00Z"
    plan.loc[(second & (plan["case"] == "c3")) | (plan["reader"] == "r4"), "opened_at"] = ""
    gone = (small_study["reader"] == "r2") & small_study["case"].isin(["c1", "c2", "c3", "c4"])
    checked = validate(small_study[~gone])
    pairs = make_pairs(checked, ("A", "B"))

    flow = flow_table(checked, pairs, check_allocation(plan)).set_index("reader")

    columns = ["allocated", "reader_withdrawn", "case_excluded", "explanation_failed", "not_read", "no_answer"]
    assert flow[columns].to_numpy().tolist() == [
        [32, 0, 0, 0, 0, 0],
        [32, 0, 2, 2, 2, 2],
        [32, 32, 0, 0, 0, 0],
        [32, 0, 0, 0, 32, 0],
    ]
    assert cell_of(flow, "r2", "rated_first_arm") + cell_of(flow, "r2", "rated_second_arm") == 24
    assert cell_of(flow, "r3", "paired") == 0
    _, messages = completeness_table(flow.reset_index(), pairs, seed=1, draws=50)
    assert "1 of 2 readers have not rated every case" in messages[0]


def test_without_an_allocation_nothing_is_said_of_it(small_study: pd.DataFrame) -> None:
    flow, _, _ = flow_of(small_study)
    assert flow["allocated"].isna().all()
