"""A report of part of the responses: what is kept, and that every way out calls it exploration."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.commands.main import main
from analysis.data.errors import AnalysisError
from analysis.data.schema import validate, write_responses
from analysis.data.selection import Selection
from analysis.report.build import STEPS, build


def test_the_whole_is_kept_where_nothing_is_chosen(small_study: pd.DataFrame) -> None:
    frame = validate(small_study)
    assert not Selection()
    pd.testing.assert_frame_equal(Selection().of(frame), frame)


def test_targets_readers_and_periods_are_kept_together(small_study: pd.DataFrame) -> None:
    selection = Selection(("Mass",), ("r1", "r2"), (2,))
    kept = selection.of(validate(small_study))
    # Two readers on eight cases of the target, each once in period 2.
    assert len(kept) == 16
    assert set(kept["target"]) == {"Mass"}
    assert set(kept["period"]) == {2}
    assert selection.words == "target Mass; readers r1, r2; period 2"


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (Selection(targets=("Edema",)), "No response has target Edema. There are: Effusion, Mass"),
        (Selection(readers=("r1", "r9")), "No response has reader r9. There are: r1, r2"),
        (Selection(periods=(3,)), "No response has period 3. There are: 1, 2"),
    ],
)
def test_what_the_data_do_not_have_is_refused(small_study: pd.DataFrame, selection: Selection, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        build(small_study, draws=20, selection=selection)


def test_one_period_alone_compares_the_arms_between_cases_only(small_study: pd.DataFrame) -> None:
    report = build(small_study, draws=20, selection=Selection(periods=(1,)))
    assert report.tables["missing_pairs"].shape[0] == 32
    assert set(report.tables["score_summary"]["arm"]) == {"A", "B"}
    assert "incomplete pairs are excluded" in " ".join(report.messages)


def test_one_arm_can_be_all_that_is_left(small_study: pd.DataFrame) -> None:
    small_study.loc[small_study["reader"] == "r2", "arm"] = "A"
    small_study = small_study.drop_duplicates(["reader", "case", "arm"])
    report = build(small_study, arms=("A", "B"), draws=20, selection=Selection(readers=("r2",)))
    assert report.provenance["contrast"] is None
    assert "arms cannot be compared" in " ".join(report.messages)


def test_the_command_line_calls_part_of_the_data_exploration(small_study: pd.DataFrame, tmp_path: Path) -> None:
    with (tmp_path / "responses.csv").open("w", newline="") as stream:
        write_responses(validate(small_study), stream)
    arguments = ["report", str(tmp_path / "responses.csv"), "--out", str(tmp_path / "out"), "--draws", "20"]
    assert main([*arguments, "--target", "Mass", "--reader", "r1"]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results["provenance"]["selection"] == {"targets": ["Mass"], "readers": ["r1"]}
    assert results["provenance"]["data"]["responses"] == 16
    for name in ("methods.md", "report.html"):
        assert "Exploration: filtered to" in (tmp_path / "out" / name).read_text()
    assert "(exploration: part of the data)" in (tmp_path / "out" / "report.html").read_text()


def test_each_step_is_told_once_in_order(small_study: pd.DataFrame, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("analysis.report.output.render", lambda *_: b"")
    monkeypatch.setattr("analysis.report.output.pdf_bytes", lambda *_: b"")
    told: list[str] = []
    build(small_study, draws=20, on_step=told.append).write(tmp_path, on_step=told.append)
    assert tuple(told) == STEPS
