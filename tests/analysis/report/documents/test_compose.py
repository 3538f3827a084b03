"""What a report's document says and in which order, from rich data and from thin."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from analysis.report.build import build
from analysis.report.documents.blocks import Bullets, Document, Drawing, Paragraph, Section, Table
from analysis.report.documents.compose import LONGEST, document_of, table_block
from analysis.report.sections import PLANNABLE, Planned
from analysis.report.shown import Cell, Group, Heading, ShownRow, ShownTable


def document(frame: pd.DataFrame, **options: Any) -> Document:
    report = build(frame, draws=50, **options)
    return document_of(report.content(dict.fromkeys(report.figures, (b"<svg/>", b"%PDF"))))


def sections(found: Document) -> list[Section]:
    return [section for part in found.parts for section in part.sections]


def blocks(found: Document, kind: type[Any]) -> list[Any]:
    inside = [block for part in found.parts for block in part.blocks]
    inside += [block for section in sections(found) for block in section.blocks]
    return [block for block in inside if isinstance(block, kind)]


def texts(found: Document) -> list[str]:
    return [item for block in found.summary if isinstance(block, Bullets) for item in block.items]


def test_the_primary_result_comes_first_and_in_words(small_study: pd.DataFrame) -> None:
    planned = Planned(("auc", "effect"), stated=True)
    first, *_ = texts(document(small_study, planned=planned))
    assert first.startswith("Feature, AUC, true against false positives: ")
    first, *_ = texts(document(small_study))
    assert first.startswith("Feature, true positives: the mean score is ")
    assert "95% interval" in first
    assert "; p = 1.000; 8 cases)" in first


@pytest.mark.parametrize("analysis", PLANNABLE)
def test_every_analysis_that_can_be_planned_is_told_in_words(analysis: str, small_study: pd.DataFrame) -> None:
    timed = small_study.assign(seconds=[10.0 + place % 7 for place in range(len(small_study))])
    found = document(timed, margin=0.5, planned=Planned((analysis,), stated=True))
    assert texts(found)


def test_planned_and_exploration_are_told_apart(small_study: pd.DataFrame) -> None:
    found = document(small_study, planned=Planned(("effect",), stated=True))
    titles = [part.title for part in found.parts]
    assert titles.index("Planned analysis") < titles.index("Exploratory analyses")
    planned = found.parts[titles.index("Planned analysis")]
    assert [section.key for section in planned.sections] == ["section-planned-effect"]
    [said] = planned.blocks
    assert isinstance(said, Paragraph)
    assert said.text.startswith("What was planned before the data were seen")
    exploration = found.parts[titles.index("Exploratory analyses")]
    assert isinstance(exploration.blocks[0], Paragraph)
    assert exploration.blocks[0].tone == "warning"


def test_a_report_of_part_of_the_data_has_no_planned_analysis_and_says_so(small_study: pd.DataFrame) -> None:
    from analysis.data.selection import Selection

    found = document(small_study, selection=Selection(targets=("Mass",)))
    assert "Planned analysis" not in [part.title for part in found.parts]
    assert isinstance(found.summary[0], Paragraph)
    assert found.summary[0].tone == "warning"
    assert "Exploration: filtered to" in found.summary[0].text


def test_every_figure_is_shown_once_and_described(small_study: pd.DataFrame) -> None:
    report = build(small_study, draws=50)
    found = document_of(report.content(dict.fromkeys(report.figures, (b"<svg/>", b"%PDF"))))
    drawn = blocks(found, Drawing)
    assert sorted(one.name for one in drawn) == sorted(report.figures)
    assert all(one.caption and one.alt.startswith(one.caption) for one in drawn)


def test_every_table_with_rows_is_shown(small_study: pd.DataFrame) -> None:
    report = build(small_study, draws=50)
    found = document_of(report.content(dict.fromkeys(report.figures, (b"<svg/>", b"%PDF"))))
    shown = {name for table in blocks(found, Table) for name in table.files}
    assert shown >= {f"{name}.csv" for name, table in report.tables.items() if len(table)}


def test_anchors_are_distinct(small_study: pd.DataFrame) -> None:
    found = document(small_study)
    keys = [part.key for part in found.parts] + [section.key for section in sections(found)]
    keys += [table.key for table in blocks(found, Table)]
    assert len(keys) == len(set(keys))


def test_methods_and_provenance_are_the_appendix(small_study: pd.DataFrame) -> None:
    found = document(small_study, seed=9)
    assert [part.title for part in found.parts if part.appendix] == ["Provenance", "Methods"]
    facts = "\n".join(found.parts[-2].blocks[0].items)  # type: ignore[union-attr]
    assert "Seed: 9" in facts
    assert "SHA-256 of the data: `" in facts
    assert len(found.parts[-1].sections) > 5


def test_the_wording_of_a_question_stands_in_its_tables(small_study: pd.DataFrame) -> None:
    found = document(small_study, wording={"feature": "Is it the right feature?"})
    headings = {group.heading for table in blocks(found, Table) for group in table.groups}
    assert "Is it the right feature?" in headings
    assert "feature" not in headings


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_data_make_a_document_too(small_study: pd.DataFrame, rows: int) -> None:
    found = document(small_study.iloc[:rows])
    assert found.title
    assert "Notes on these data" in [part.title for part in found.parts]


def test_one_arm_is_not_compared(small_study: pd.DataFrame) -> None:
    found = document(small_study[small_study["arm"] == "A"])
    assert texts(found) == []
    shown = {name for table in blocks(found, Table) for name in table.files}
    assert not {"effect.csv", "per_reader.csv", "wilcoxon.csv", "period_effect.csv"} & shown
    assert {"flow.csv", "score_counts.csv", "agreement.csv"} <= shown
    results = [section for part in found.parts if not part.appendix for section in part.sections]
    assert results
    assert all(any(isinstance(block, Table) for block in section.blocks) for section in results)
    assert any(isinstance(block, Paragraph) and "cannot be compared" in block.text for block in found.summary)


def shown(rows: list[ShownRow]) -> ShownTable:
    headings = (Heading("Analysis", number=False), Heading("p, Holm", number=True), Heading("Note", number=False))
    return ShownTable("auc", "AUC", "Means.", ("auc.csv",), headings, (Group("feature", tuple(rows)),))


def row(name: str, note: str, *, headline: bool, reported: bool = True) -> ShownRow:
    strong = Cell("-.001", number=True, strong=reported)
    return ShownRow(
        (Cell(name, number=False), strong, Cell(note, number=False)), pooled=True, headline=headline, reported=reported
    )


def test_rows_that_are_not_to_be_reported_are_not_bold_and_notes_become_footnotes() -> None:
    made = table_block(
        "auc", shown([row("FRRC", "–", headline=True), row("RRRC", "few readers", headline=False, reported=False)])
    )
    [group] = made.groups
    assert [one.strong for one in group.rows] == [True, False]
    assert [one.cells[1].strong for one in group.rows] == [True, False]
    assert [one.notes for one in group.rows] == [(), (0,)]
    assert made.footnotes == ("few readers",)
    assert [column.heading for column in made.columns] == ["Analysis", "p, Holm"]
    assert group.rows[0].cells[1].text == "−.001"


def test_a_table_without_end_is_cut_and_says_so() -> None:
    made = table_block("auc", shown([row(str(number), "–", headline=False) for number in range(LONGEST + 1)]))
    assert sum(len(group.rows) for group in made.groups) == LONGEST
    assert f"The first {LONGEST} of {LONGEST + 1} rows." in made.about
