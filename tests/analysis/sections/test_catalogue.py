"""The section objects against what is computed: one place for every table, one format for every column."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.commands.main import main
from analysis.data.records import records
from analysis.data.schema import write_responses
from analysis.report.build import build
from analysis.report.mrmc_report import build_mrmc
from analysis.report.output import Report
from analysis.report.power_report import build_power, build_simulated_power
from analysis.report.sections import Planned, results_shown, sections_shown
from analysis.sections import power, treatments
from analysis.sections.catalogue import COMPLETENESS, REPORT, SECTIONS, tables
from analysis.sections.completeness import ALLOCATED
from analysis.sections.power_simulation import fit_pilot
from analysis.sections.power_tables import Plan
from analysis.sections.section import Column, Interval, Kind, Section
from analysis.statistics.power import Components

COMPONENTS = Components(0.04, 2e-4, 8e-4, 3.5e-4, 3.4e-4, 2.4e-4, 114)
QUESTIONS = {"feature": "Right feature?", "other": "Other?"}


def full_study(small_study: pd.DataFrame) -> pd.DataFrame:
    """Two questions, times, areas, and a reader who left a case out: a report of it lacks no table."""
    frame = small_study.assign(seconds=20.0 + small_study.index % 7, position=1 + small_study.index % 8, mask_area=0.1)
    other = frame.assign(question="other", value=6 - frame["value"])
    both = pd.concat([frame, other])
    return both[~((both["reader"] == "r2") & (both["case"] == "c1") & (both["arm"] == "B"))]


def ratings() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "reader": f"r{reader}",
                "treatment": treatment,
                "case": f"c{case}",
                "truth": case % 2,
                "rating": (3 * case + reader + (treatment == "B")) % 5 + case % 2,
                "target": "Mass" if case < 8 else "Effusion",
            }
            for reader in range(3)
            for treatment in "AB"
            for case in range(16)
        ]
    )


@pytest.fixture(params=["study", "mrmc", "power", "simulated"])
def report(request: pytest.FixtureRequest, small_study: pd.DataFrame) -> Report:
    """Each kind of report, with everything that can be asked of it."""
    if request.param == "study":
        return build(full_study(small_study), draws=50, margin=0.5, adjust="bh")
    if request.param == "mrmc":
        return build_mrmc(ratings(), threshold=3)
    if request.param == "power":
        return build_power(COMPONENTS, Plan(readers=(5,)))
    pilot = fit_pilot(build_frame(small_study), "feature", ("A", "B"))
    return build_simulated_power(pilot, (2,), (12,), studies=2)


def build_frame(small_study: pd.DataFrame) -> pd.DataFrame:
    from analysis.data.schema import validate

    return validate(small_study)


def test_each_computed_table_is_in_exactly_one_section(report: Report) -> None:
    places = Counter(table.name for section in report.sections for table in section.tables)
    assert {name: places[name] for name in report.tables} == dict.fromkeys(report.tables, 1)
    assert places.keys() - report.tables.keys() <= {ALLOCATED.name}


def test_each_column_of_each_computed_table_has_a_format(report: Report) -> None:
    known = tables(report.sections)
    for name, table in report.tables.items():
        formats = [one for column in known[name].known for one in column.names]
        assert len(formats) == len(set(formats)), name
        assert list(table.columns)[: len(known[name].names)] == known[name].names, name
        assert set(table.columns) <= set(formats), name
        for column in known[name].known:
            assert column.heading, (name, column)


def test_a_format_fits_what_the_column_holds(report: Report) -> None:
    for name, table in tables(report.sections).items():
        for row in records(report.tables[name]) if name in report.tables else []:
            for column in table.known:
                values = [row[one] for one in column.names if row.get(one) not in {None, ""}]
                text = column.kind is Kind.TEXT
                flag = column.kind is Kind.FLAG
                assert all(isinstance(value, str) is text and isinstance(value, bool) is flag for value in values), (
                    name,
                    column,
                )
                if column.kind is Kind.P:
                    assert all(0 <= value <= 1 for value in values), (name, column)
                if column.kind is Kind.COUNT:
                    assert all(float(value).is_integer() for value in values), (name, column)


def test_each_part_shows_columns_of_its_tables_and_between_them_every_column() -> None:
    for section in (*REPORT, *treatments.SECTIONS, power.SECTION, power.SIMULATED):
        shown: dict[str, set[str]] = {}
        for part in section.parts:
            known = {column for table in part.tables for column in table.known}
            assert set(part.columns) <= known, (section.key, part.heading)
            for table in part.tables:
                own = part.columns or table.known
                shown.setdefault(table.name, set()).update(column.name for column in own)
        for table in section.tables:
            numbers = {column.name for column in table.known if isinstance(column, Interval) or column.kind is Kind.P}
            assert table.name == ALLOCATED.name or numbers <= shown[table.name], (section.key, table.name)


def test_an_interval_belongs_to_a_column_of_its_table() -> None:
    for table in (*tables().values(), *tables(treatments.SECTIONS).values(), power.SIMULATED_POWER):
        names = {column.name for column in table.known if isinstance(column, Column)}
        assert {column.of for column in table.known if isinstance(column, Interval)} <= names, table.name


def test_what_can_be_planned_is_a_section() -> None:
    assert set(Planned().analyses) <= {
        section.key for section in SECTIONS if any(part.planned for part in section.parts)
    }
    assert COMPLETENESS not in SECTIONS
    assert len({section.key for section in REPORT}) == len(REPORT)


def test_renaming_a_section_renames_it_everywhere(small_study: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods, page and documents read the object: none of them finds a section by its title."""
    renamed: tuple[Section, ...] = tuple(replace(section, title=f"New {section.key}") for section in SECTIONS)
    monkeypatch.setattr("analysis.report.build.REPORT", (*renamed, COMPLETENESS))
    monkeypatch.setattr("analysis.report.sections.SECTIONS", renamed)
    made = build(full_study(small_study), draws=50, margin=0.5)
    rows = {name: records(table) for name, table in made.tables.items()}
    results = results_shown(rows, tuple(made.figures), made.provenance, QUESTIONS, Planned(), part=False)
    titles = {section.title for section in (*results.planned, *results.exploration)}
    headings = {line.removeprefix("## ") for line in made.methods.splitlines() if line.startswith("## ")}
    for section in renamed:
        assert section.title in headings, section.key
        assert section.title in titles or any(section.rest == title for title in titles), section.key
    for shown in (*results.planned, *results.exploration):
        assert shown.methods, shown.key


def test_renaming_a_table_and_a_column_renames_them_everywhere(
    small_study: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = next(section for section in SECTIONS if section.key == "period")
    [part] = section.parts
    columns = tuple(replace(column, heading=f"New {column.heading}") for column in part.table.columns)
    table = replace(part.table, title="New title", about="New words.", columns=columns)
    made = build(small_study, draws=50)
    rows = {name: records(one) for name, one in made.tables.items()}
    renamed = replace(section, parts=(replace(part, table=table),))
    monkeypatch.setattr("analysis.report.sections.SECTIONS", (renamed,))
    [shown] = results_shown(rows, (), made.provenance, QUESTIONS, Planned(()), part=False).exploration
    assert (shown.tables[0].title, shown.tables[0].note) == ("New title", "New words. " + table.convention("B - A"))
    assert all(heading.text.startswith("New ") for heading in shown.tables[0].headings if heading.text != "Question")


def test_every_table_that_is_not_empty_is_shown(report: Report) -> None:
    rows = {name: records(table) for name, table in report.tables.items()}
    if "contrast" in report.provenance:
        results = results_shown(rows, tuple(report.figures), report.provenance, QUESTIONS, Planned(), part=False)
        shown = [*results.planned, *results.exploration, results.completeness]
    else:
        shown = list(sections_shown(report.sections, rows, tuple(report.figures), report.provenance))
    files = {file for section in shown if section for table in section.tables for file in table.files}
    assert {f"{name}.csv" for name, table in rows.items() if table} <= files
    drawn = {figure.name for section in shown if section for figure in section.figures}
    assert drawn == set(report.figures)


def test_the_csv_has_the_names_of_the_columns(small_study: pd.DataFrame, tmp_path: Path) -> None:
    write_responses(small_study, tmp_path / "responses.csv")
    assert (
        main(
            [
                "report",
                str(tmp_path / "responses.csv"),
                "--out",
                str(tmp_path / "out"),
                "--draws",
                "20",
                "--margin",
                "1",
            ]
        )
        == 0
    )
    for table in tables().values():
        path = tmp_path / "out" / f"{table.name}.csv"
        if table.name != ALLOCATED.name:
            header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
            assert header[: len(table.names)] == table.names
