"""The scale of a question: given by option, checked against the scores, and what divides scores for sensitivity."""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.commands.main import main
from analysis.data.errors import AnalysisError, UsageError
from analysis.data.scales import check_scales, named_scales
from analysis.data.schema import validate, write_responses
from analysis.report.build import build


def test_a_scale_is_named_for_one_question_or_for_all() -> None:
    assert named_scales(["q1=0,100"], ["q1", "q2"]) == {"q1": (0, 100)}
    assert named_scales(["1,5", "q2=1,7"], ["q1", "q2"]) == {"q1": (1, 5), "q2": (1, 7)}
    assert named_scales([], ["q1"]) == {}


@pytest.mark.parametrize("text", ["q1", "q1=1", "q1=1,2,3", "q1=a,b", "q3=1,5"])
def test_what_is_no_scale_or_no_question_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no scale|no question q3"):
        named_scales([text], ["q1", "q2"])


def test_scores_outside_the_scale_are_refused(small_study: pd.DataFrame) -> None:
    frame = validate(small_study)
    assert check_scales(frame, {"feature": (1, 5), "other": (1, 5)}) == {"feature": (1, 5)}
    with pytest.raises(AnalysisError, match="scores of feature are outside its scale of 1 to 4, the first of them 5"):
        check_scales(frame, {"feature": (1, 4)})
    with pytest.raises(AnalysisError, match="Give the lower end first"):
        check_scales(frame, {"feature": (5, 1)})


def test_the_command_takes_the_scale_and_the_report_states_it(small_study: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    write_responses(small_study.assign(value=small_study["value"].clip(upper=3)), path)
    command = ["report", str(path), "--out", str(tmp_path / "out"), "--draws", "20", "--scale", "feature=1,5"]
    assert main(command) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {row["threshold"] for row in results["tables"]["points"]} == {4}
    assert results["provenance"]["options"]["points"]["scales"] == {"feature": [1, 5]}
    assert "feature 1 to 5" in (tmp_path / "out" / "methods.md").read_text()


def test_the_codebook_of_an_export_gives_the_scale(small_study: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    write_responses(small_study.assign(value=small_study["value"].clip(upper=3)), path)
    (tmp_path / "codebook.csv").write_text("column,question,minimum,maximum\nvalue,feature,1,7\n")
    assert main(["report", str(path), "--out", str(tmp_path / "out"), "--draws", "20"]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {row["threshold"] for row in results["tables"]["points"]} == {5}


def test_part_of_the_answers_has_the_cut_off_of_the_whole_scale(small_study: pd.DataFrame) -> None:
    part = small_study[small_study["value"] <= 3]
    report = build(part, draws=20, scales={"feature": (1, 5)})
    assert set(report.tables["points"]["threshold"]) <= {4.0}
