"""Files for other programs: what iMRMC and OR-DBM MRMC expect, and scripts of R and SPSS."""

import csv
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.commands.main import main
from analysis.data.errors import AnalysisError
from analysis.data.interchange import QuestionText, StudyText, convert, imrmc, lrc, r_script, spss_syntax
from analysis.data.ratings import crossed, load_ratings, ratings_of
from analysis.data.schema import COLUMNS, validate, write_responses
from analysis.mrmc.obuchowski_rockette import obuchowski_rockette

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
    assert messages == (
        ["18 names are written otherwise: r1 is 1, r2 is 2, c1 is 1, c2 is 2, c3 is 3, ...."] * (to == "imrmc")
    )
    path = tmp_path / f"feature.{to}"
    path.write_bytes(content)
    found = obuchowski_rockette(crossed(load_ratings(path)))
    np.testing.assert_allclose(found.estimates, expected.estimates)
    np.testing.assert_allclose(found.covariance, expected.covariance)


def test_imrmc_begins_with_the_numbers_that_programs_check_and_gives_the_truth_first(small_study: pd.DataFrame) -> None:
    lines = imrmc(validate(small_study), "feature")[0].decode().splitlines()
    start = lines.index("BEGIN DATA:")
    assert {"NR: 2", "N0: 8", "N1: 8", "NM: 2"} <= set(lines[:start])
    assert lines[start + 1 : start + 3] == ["-1,1,0,1", "-1,2,0,1"]
    assert lines[start + 17 : start + 20] == ["1,1,A,4", "1,1,B,5", "1,2,A,2"]
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
    assert any("=Dr, One is 1, truth is 2" in message for message in messages)
    (tmp_path / "a.imrmc").write_bytes(content)
    read = load_ratings(tmp_path / "a.imrmc")
    assert set(read["reader"]) == {"1", "2"}
    assert set(read["treatment"]) == {"0_2", "x_y"}
    assert b"\nReader 1 is =Dr, One\n" in content
    (tmp_path / "a.lrc").write_bytes(lrc(validate(renamed), "feature")[0])
    assert set(load_ratings(tmp_path / "a.lrc")["reader"]) == {"=Dr_One", "truth_2"}


def test_imrmc_has_numbers_for_readers_and_cases_and_says_whose_they_are(small_study: pd.DataFrame) -> None:
    named = small_study.assign(reader=small_study["reader"].map({"r1": "Dr. Enrico, N1", "r2": "R2"}))
    lines = imrmc(validate(named), "feature")[0].decode().splitlines()
    start = lines.index("BEGIN DATA:")
    rows = [line.split(",") for line in lines[start + 1 :]]
    assert all(len(row) == 4 and row[0].lstrip("-").isdigit() and row[1].isdigit() for row in rows)
    # iMRMC looks for these four anywhere in a line before the data.
    tokens = ("NR", "N0", "N1", "NM")
    assert sum(token in line.upper() for token in tokens for line in lines[:start]) == len(tokens)
    assert "Reader 1 is Dr. En_rico, N_1" in lines
    numbered = small_study.assign(case=small_study["case"].str.removeprefix("c").astype(int) + 100, reader="7")
    content = imrmc(validate(numbered[small_study["reader"] == "r1"]), "feature")
    assert "\n7,101,A," in content[0].decode()
    assert content[1] == []


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
    assert main([*arguments, "confidence"]) == 1
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


@pytest.fixture
def pspp() -> str:
    """PSPP, which runs the syntax of SPSS; in CI it must be there."""
    program = shutil.which("pspp")
    if program is None:
        reason = "no pspp on this machine"
        if os.environ.get("READERSTUDY_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


def run_syntax(pspp: str, folder: Path, study: StudyText, *more: str) -> list[list[str]]:
    """Rows of the CSV that `more`, run after load.sps in the folder of responses.csv, saves as out.csv."""
    syntax = spss_syntax(study).decode() + "\n".join(more) + "\n"
    (folder / "load.sps").write_text(syntax, encoding="utf-8")
    done = subprocess.run(
        [pspp, "-O", "format=txt", "load.sps"], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error" not in (done.stdout + done.stderr).lower()
    with (folder / "out.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


SAVE = "SAVE TRANSLATE /OUTFILE='out.csv' /TYPE=CSV /REPLACE /FIELDNAMES /KEEP={}."


def test_the_syntax_runs_and_gives_the_names_that_were_exported(
    pspp: str, small_study: pd.DataFrame, tmp_path: Path
) -> None:
    names = {"r1": "=R1", "r2": "'quoted'"}
    frame = validate(
        small_study.assign(
            reader=small_study["reader"].map(names),
            target=small_study["target"].map({"Effusion": "-Effusion, large", "Mass": "'@Mass"}),
            question="confidence",
        )
    )
    write_responses(frame, tmp_path / "responses.csv")
    header, *rows = run_syntax(pspp, tmp_path, STUDY, SAVE.format("reader target case arm q_confidence"))
    assert header == ["reader", "target", "case", "arm", "q_confidence"]
    found = [
        (reader.strip(), target.strip(), case.strip(), arm.strip(), float(v)) for reader, target, case, arm, v in rows
    ]
    assert found == [tuple(row) for row in frame[["reader", "target", "case", "arm", "value"]].itertuples(index=False)]


@pytest.mark.shared_data
def test_readers_that_look_like_formulas_come_into_pspp_as_they_are(
    pspp: str, shared_data_dir: Path, tmp_path: Path
) -> None:
    shutil.copy(shared_data_dir / "faults" / "spss_apostrophe" / "responses.csv", tmp_path)
    study = StudyText(title="T", questions=(QuestionText("conf", "How sure?"),))
    _, *rows = run_syntax(pspp, tmp_path, study, SAVE.format("reader"))
    assert sorted({row[0].strip() for row in rows}) == ["-R2", "=R1", "R3"]
