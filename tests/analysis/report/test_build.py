"""The report as files: what results.json and its neighbours hold, from rich data and from thin."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from analysis.commands.main import main
from analysis.data.csv_cells import write_cells
from analysis.data.errors import AnalysisError
from analysis.data.records import write_table
from analysis.data.schema import codebook, load_responses, load_scales, write_responses
from analysis.report.build import build
from analysis.report.output import Report
from analysis.sections.catalogue import tables
from analysis.sections.section import Reading

WILCOXON = (
    "question label target n_pairs mean_difference sd_difference statistic p_value rank_biserial p_holm".split()  # noqa: SIM905
)


def small_report(frame: pd.DataFrame, **options: Any) -> Report:
    return build(frame, draws=50, **options)


def test_the_wilcoxon_table_has_the_agreed_columns_in_json_and_csv(small_results: Path) -> None:
    results = json.loads((small_results / "results.json").read_text())
    assert list(results) == ["tables", "provenance"]
    assert [list(row) for row in results["tables"]["wilcoxon"]] == [WILCOXON] * 6
    with (small_results / "wilcoxon.csv").open(newline="") as stream:
        assert next(csv.reader(stream)) == WILCOXON


def test_json_and_csv_hold_the_same_numbers_in_full(small_results: Path) -> None:
    tables = json.loads((small_results / "results.json").read_text())["tables"]
    for name, rows in tables.items():
        with (small_results / f"{name}.csv").open(newline="") as stream:
            read = list(csv.DictReader(stream))
        assert read == [{key: "" if value is None else str(value) for key, value in row.items()} for row in rows]


def test_every_question_has_its_figures_as_svg_and_pdf(small_results: Path) -> None:
    for name in ("scores_feature", "counts_feature", "iou_feature"):
        assert (small_results / f"{name}.svg").read_text().startswith("<?xml")
        assert (small_results / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_the_same_data_in_any_order_give_the_same_bytes(
    small_study: pd.DataFrame, small_results: Path, tmp_path: Path
) -> None:
    report = small_report(small_study.sample(frac=1, random_state=4))
    report.write(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == len(report.tables) + 2 * len(report.figures) + 4
    for name in names:
        assert (tmp_path / name).read_bytes() == (small_results / name).read_bytes(), name


def test_the_document_stands_alone_and_shows_every_table_and_figure(small_results: Path) -> None:
    page = (small_results / "report.html").read_text()
    # Nothing may be fetched: no address but those of XML names inside the figures, which are encoded.
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "<script" not in page
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page).replace("http-equiv", "")
    assert page.count("<figure>") == 7
    for name in ("effect", "ordinal", "wilcoxon", "flow", "iou_rank"):
        assert f'<table id="{name}"' in page
    assert "as published" in page
    assert "Methods" in page
    content = (small_results / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    # Fonts are embedded as TrueType, which journals ask for.
    assert b"/FontFile2" in content


def test_text_from_the_data_is_text_in_the_document(small_study: pd.DataFrame, tmp_path: Path) -> None:
    small_study["target"] = "<b>Mass</b> " + small_study["target"]
    small_report(small_study).write(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;Mass&lt;/b&gt;" in page
    assert "<b>" not in page


def test_a_margin_a_plan_and_an_adjustment_are_stated(small_study: pd.DataFrame) -> None:
    plan = {"file": "plan.md", "sha256": "ab" * 32}
    report = small_report(small_study, margin=0.5, adjust="bh", plan=plan)
    assert report.provenance["plan"] == plan
    assert "plan.md" in report.methods
    assert "margin of 0.5 points" in report.methods
    assert "Benjamini-Hochberg" in report.methods
    assert list(report.tables["equivalence"]["margin"].unique()) == [0.5]
    for name in ("effect", "wilcoxon"):
        table = report.tables[name]
        assert (table["p_bh"] <= table["p_holm"] + 1e-12)[table["p_holm"].notna()].all()
    assert "equivalence" not in small_report(small_study).tables


@pytest.mark.parametrize("margin", [0, -1, float("nan")])
def test_a_margin_that_is_none_is_refused(small_study: pd.DataFrame, margin: float) -> None:
    with pytest.raises(AnalysisError, match="is no margin"):
        small_report(small_study, margin=margin)


def test_the_methods_name_every_option_in_words(small_results: Path) -> None:
    text = (small_results / "methods.md").read_text()
    for words in ("B - A", "zero_method=wilcox", "correction=False", "method=asymptotic", "ddof 0", "Holm", "seed"):
        assert words in text


def test_the_provenance_names_versions_options_seed_and_data(small_study: pd.DataFrame) -> None:
    provenance = small_report(small_study, seed=9).provenance
    assert set(provenance["software"]) == {"python", "numpy", "scipy", "pandas", "matplotlib"}
    assert provenance["seed"] == 9
    assert provenance["contrast"] == "B - A"
    assert len(provenance["data"]["sha256"]) == 64
    assert provenance["options"]["wilcoxon"]["zero_method"] == "wilcox"


def test_two_questions_with_similar_keys_stay_separate(small_study: pd.DataFrame) -> None:
    other = small_study.assign(question="Feature!", value=6 - small_study["value"])
    report = small_report(pd.concat([small_study, other]))
    means = report.tables["wilcoxon"].set_index(["question", "label", "target"])["mean_difference"]
    assert means[("feature", "TP", "all")] == -means[("Feature!", "TP", "all")]
    assert {"scores_feature", "scores_feature_2"} <= set(report.figures)


@pytest.mark.parametrize(
    ("thin", "message"),
    [
        (lambda frame: frame.iloc[:0], "no responses"),
        (lambda frame: frame[frame["arm"] == "A"], "one arm (A)"),
        (lambda frame: frame[frame["reader"] == "r1"], "one reader"),
        (lambda frame: frame[frame["label"] == "TP"], "no false positive"),
        (lambda frame: frame[frame["case"] == "c1"], "no false positive"),
        (lambda frame: frame[(frame["case"] == "c1") & (frame["reader"] == "r1")], "only one pair"),
        (lambda frame: frame.iloc[:1], "no pair"),
        (lambda frame: frame.assign(value=3), "all differences are zero"),
        (lambda frame: frame.assign(iou=None), "no IoU analysis"),
        (lambda frame: frame[(frame["reader"] == "r1") | (frame["period"] == 1)], "excluded"),
        (lambda frame: frame[(frame["target"] == "Mass") | frame["case"].isin(["c1", "c5"])], "only one pair"),
    ],
)
def test_thin_data_give_the_rest_of_the_report_and_a_sentence(
    small_study: pd.DataFrame, thin: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    data = thin(small_study)
    if message == "only one pair" and data["reader"].nunique() == 2:
        data = data[data["reader"] == "r1"]
    report = small_report(data)
    assert any(message in text for text in report.messages), report.messages
    text = json.dumps(report.as_json(), allow_nan=False)
    assert message in report.methods
    untested = [row for row in json.loads(text)["tables"]["wilcoxon"] if row["statistic"] is None]
    assert all(row["p_value"] is row["p_holm"] is row["rank_biserial"] is None for row in untested)
    assert list(report.tables["wilcoxon"].columns) == WILCOXON


@pytest.mark.parametrize(("rows", "figures"), [(0, 0), (1, 4), (2, 5)])
def test_figures_of_hardly_any_data_are_drawn(
    small_study: pd.DataFrame, tmp_path: Path, rows: int, figures: int
) -> None:
    report = small_report(small_study.iloc[:rows])
    report.write(tmp_path)
    assert len(list(tmp_path.glob("*.svg"))) == len(report.figures) == figures


def test_names_that_look_like_formulas_are_drawn_as_they_stand(small_study: pd.DataFrame, tmp_path: Path) -> None:
    # Between two dollars matplotlib expects mathematics, and this is none.
    small_study["target"] = "Mass $_{$ " + small_study["target"]
    report = small_report(small_study)
    report.write(tmp_path)
    assert len(list(tmp_path.glob("*_feature.pdf"))) == len(set(report.figures) - {"flow"}) == 6


def test_two_studies_in_one_file_are_refused(small_study: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="2 studies"):
        small_report(pd.concat([small_study, small_study.assign(study="other")]))


def test_a_seed_that_no_generator_takes_is_refused(small_study: pd.DataFrame) -> None:
    with pytest.raises(AnalysisError, match="-1 is no seed"):
        small_report(small_study, seed=-1)


def test_text_that_a_spreadsheet_would_run_is_safe_in_the_tables(small_study: pd.DataFrame) -> None:
    small_study["reader"] = "=1+1" + small_study["reader"]
    stream = io.StringIO(newline="")
    write_table(small_report(small_study).tables["per_reader"], stream)
    stream.seek(0)
    rows = list(csv.DictReader(stream))
    assert all(row["reader"].startswith("'=") for row in rows)
    assert all(not row["mean_difference"].startswith("'") for row in rows)


def test_the_command_gives_what_build_gives(small_study: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "responses.csv"
    write_responses(small_study, path)
    assert main(["report", str(path), "--out", str(tmp_path / "out"), "--arms", "B,A", "--draws", "50"]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    expected = small_report(small_study, arms=("B", "A"))
    assert results["tables"] == json.loads(json.dumps(expected.as_json()))["tables"]
    assert results["provenance"]["contrast"] == "A - B"
    assert results["provenance"]["data"]["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert results["provenance"]["data"]["sha256"] == expected.provenance["data"]["sha256"]


def test_the_command_ends_with_a_sentence_when_it_cannot_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "responses.csv"
    path.write_text("reader,case\nr1,c1\n")
    assert main(["report", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "lacks the columns target, label" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "absent.csv"), "--out", str(tmp_path / "out")]) == 1
    assert "absent.csv" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.shared_data
def test_the_report_of_the_published_study_shows_its_numbers(published_study: pd.DataFrame) -> None:
    report = build(published_study)
    rows = report.as_json()["tables"]["wilcoxon"]
    [overall] = [r for r in rows if (r["question"], r["label"], r["target"]) == ("confidence", "TP", "all")]
    assert (overall["n_pairs"], overall["statistic"]) == (240, 1233.5)
    assert overall["p_value"] == pytest.approx(0.010369663537, abs=5e-13)
    assert len(rows) == 2 * 2 * 7
    assert_frame_equal(report.tables["missing_pairs"], report.tables["missing_pairs"].iloc[:0])


def test_every_table_of_differences_says_which_arm_was_taken_from_which(
    small_study: pd.DataFrame, tmp_path: Path
) -> None:
    report = small_report(small_study, arms=("B", "A"), margin=0.5)
    compared = {name: table for name, table in tables().items() if table.reading is not Reading.PLAIN}
    for name in compared.keys() & report.tables.keys():
        assert compared[name].fixed or set(report.tables[name]["contrast"]) <= {"A - B"}, name
    # Every table that has a column of differences, whoever adds it.
    signed = {name for name, table in report.tables.items() if {"mean_difference", "difference"} & set(table.columns)}
    assert signed <= {name for name, table in compared.items() if table.reading is Reading.DIFFERENCE}
    report.write(tmp_path)
    page = (tmp_path / "report.html").read_text()
    shown = sum(len(report.tables[name]) > 0 for name in signed)
    assert page.count("Differences are second arm minus first: A - B.") >= shown


def test_keys_that_may_be_meant_as_one_are_noted_and_not_merged(small_study: pd.DataFrame) -> None:
    renamed = small_study.assign(reader=small_study["reader"].map({"r1": "R1", "r2": "r01"}))
    report = small_report(renamed, notes=["read as Windows-1252"])
    assert report.messages[0] == "read as Windows-1252"
    assert re.match(r"Reader '(r01|R1)' and '(R1|r01)' differ only in case", report.messages[1])
    assert set(report.tables["per_reader"]["reader"]) == {"R1", "r01"}


def test_a_score_off_the_scale_of_the_codebook_is_refused_with_its_line(
    small_study: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_responses(small_study, tmp_path / "responses.csv")
    arguments = ["report", str(tmp_path / "responses.csv"), "--draws", "10", "--out", str(tmp_path / "out")]
    (tmp_path / "codebook.csv").write_text("column;question;minimum;maximum\nvalue;feature;1;4\nvalue;other;1;3\n")
    lines = (tmp_path / "responses.csv").read_text().splitlines()
    place = lines[0].split(",").index("value")
    first = next(number for number, line in enumerate(lines[1:], start=2) if line.split(",")[place] == "5")
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "'5' is off the scale of feature, which goes from 1 to 4" in error
    assert f"lines {first}," in error
    book = tmp_path / "book.csv"
    with book.open("w", newline="") as stream:
        write_cells(stream, list(codebook()[0]), [list(row.values()) for row in codebook({"feature": (1, 5)})])
    assert load_scales(book) == {"feature": (1.0, 5.0)}
    assert load_responses(tmp_path / "responses.csv", scales=load_scales(book)).shape[0] == 64
