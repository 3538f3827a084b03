"""Files for other programs: what iMRMC and OR-DBM MRMC expect, and scripts of R and SPSS."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.__main__ import main
from analysis.accuracy import ratings_of
from analysis.errors import AnalysisError
from analysis.interchange import QuestionText, StudyText, convert, imrmc, lrc, r_script, spss_syntax
from analysis.mrmc import obuchowski_rockette
from analysis.ratings import crossed, load_ratings
from analysis.schema import COLUMNS, validate, write_responses

STUDY = StudyText(
    title="Does it 'help'?\nA study",
    arms={"A": 'Maps "old"', "B": "Latent Shift's"},
    questions=(
        QuestionText("confidence", "How sure are you?", {1: "not at all", 5: 'very "sure"'}),
        QuestionText("value", "Is it the reader's view?"),
    ),
)


@pytest.mark.parametrize("to", ["imrmc", "lrc"])
def test_a_file_that_is_read_back_gives_the_same_analysis(to: str, small_study: pd.DataFrame, tmp_path: Path) -> None:
    frame = validate(small_study)
    expected = obuchowski_rockette(ratings_of(frame, "feature", ["A", "B"]))
    content, messages = convert(frame, "feature", to)
    assert messages == []
    path = tmp_path / f"feature.{to}"
    path.write_bytes(content)
    found = obuchowski_rockette(crossed(load_ratings(path)))
    np.testing.assert_allclose(found.estimates, expected.estimates)
    np.testing.assert_allclose(found.covariance, expected.covariance)


def test_imrmc_begins_with_the_numbers_that_programs_check_and_gives_the_truth_first(small_study: pd.DataFrame) -> None:
    lines = imrmc(validate(small_study), "feature")[0].decode().splitlines()
    start = lines.index("BEGIN DATA:")
    assert {"NR: 2", "N0: 8", "N1: 8", "NM: 2"} <= set(lines[:start])
    assert lines[start + 1 : start + 3] == ["-1,c1,0,1", "-1,c2,0,1"]
    assert lines[start + 17 : start + 20] == ["r1,c1,A,4", "r1,c1,B,5", "r1,c2,A,2"]
    assert len(lines) == start + 1 + 16 + 64


def test_imrmc_keeps_missing_ratings_missing_and_lrc_leaves_out_the_case(small_study: pd.DataFrame) -> None:
    frame = validate(small_study[(small_study["reader"] != "r2") | (small_study["case"] != "c5")])
    assert (
        len(imrmc(frame, "feature")[0].splitlines()) == len(imrmc(validate(small_study), "feature")[0].splitlines()) - 2
    )
    content, messages = lrc(frame, "feature")
    assert any("1 cases lack a rating and are left out: c5" in message for message in messages)
    assert content.decode().splitlines().count("*") == 4


def test_names_that_the_formats_cannot_hold_are_written_otherwise(small_study: pd.DataFrame, tmp_path: Path) -> None:
    renamed = small_study.assign(
        reader=small_study["reader"].map({"r1": "=Dr, One", "r2": "truth"}),
        arm=small_study["arm"].map({"A": "0", "B": "x y"}),
    )
    content, messages = imrmc(validate(renamed), "feature")
    assert any("truth is truth_2" in message for message in messages)
    (tmp_path / "a.imrmc").write_bytes(content)
    read = load_ratings(tmp_path / "a.imrmc")
    assert set(read["reader"]) == {"=Dr_One", "truth_2"}
    assert set(read["treatment"]) == {"0_2", "x_y"}
    assert b"'=Dr_One," in content


def test_files_do_not_depend_on_the_order_of_rows(small_study: pd.DataFrame) -> None:
    shuffled = validate(small_study.sample(frac=1, random_state=5))
    for to in ("imrmc", "lrc"):
        assert convert(shuffled, "feature", to) == convert(validate(small_study), "feature", to)


def test_the_command_writes_the_file_and_names_what_there_is(
    small_study: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_responses(small_study, tmp_path / "r.csv")
    arguments = ["convert", str(tmp_path / "r.csv"), "--to", "lrc", "--out", str(tmp_path / "a.lrc"), "--question"]
    assert main([*arguments, "feature"]) == 0
    assert (tmp_path / "a.lrc").read_bytes() == lrc(validate(small_study), "feature")[0]
    assert main([*arguments, "confidence"]) == 2
    assert "no answers to confidence. Questions: feature" in capsys.readouterr().err
    with pytest.raises(AnalysisError, match="no format dbm"):
        convert(validate(small_study), "feature", "dbm")


def test_without_false_positives_there_is_no_lrc_but_a_sentence(small_study: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="0 cases without the condition"):
        lrc(validate(small_study[small_study["label"] == "TP"]), "feature")


def test_the_r_script_types_every_column_and_escapes_what_it_quotes() -> None:
    script = r_script(STUDY).decode()
    assert all(f'"{column.name}"' in script for column in COLUMNS)
    assert 'labels = c("Maps \\"old\\"", "Latent Shift\'s")' in script
    assert (
        '"confidence" = list(text = "How sure are you?", values = c("not at all" = 1, "very \\"sure\\"" = 5))' in script
    )
    assert script.startswith("# Does it 'help'? A study: ")
    assert script.count("(") == script.count(")")
    assert script.count("{") == script.count("}")


def test_the_spss_syntax_has_a_labelled_variable_for_each_question() -> None:
    lines = spss_syntax(STUDY).decode().splitlines()
    assert "IF (question='confidence') q_confidence=value." in lines
    assert "VALUE LABELS q_confidence 1 'not at all' 5 'very \"sure\"'." in lines
    assert "VALUE LABELS arm 'A' 'Maps \"old\"' 'B' 'Latent Shift''s'." in lines
    assert "  q_value 'Is it the reader''s view?'" in lines
    start = lines.index(next(line for line in lines if line.startswith("GET DATA")))
    declared = [line.split()[0] for line in lines[start + 2 : start + 2 + len(COLUMNS)]]
    assert declared == [column.name for column in COLUMNS]
