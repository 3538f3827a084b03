"""Cells that a spreadsheet would run are made safe and come back as they were."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.cells import CellsError, plain_cell, read_cells, safe_cell, write_cells


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0", "'=1"])
def test_a_cell_that_starts_a_formula_gets_an_apostrophe_and_loses_it_on_import(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["-0.5", "-1e-05", "12", "reader-1", "'quoted'", ""])
def test_numbers_and_harmless_text_stay_as_they_are(text: str) -> None:
    assert safe_cell(text) == text
    assert plain_cell(text) == text


@given(st.text())
def test_any_text_survives_export_and_import(text: str) -> None:
    assert plain_cell(safe_cell(text)) == text


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_any_table_survives_a_file(records: list[list[str]]) -> None:
    stream = io.StringIO(newline="")
    write_cells(stream, ["=header", "b"], records)
    stream.seek(0)
    header, read, _ = read_cells(stream)
    assert header == ["=header", "b"]
    assert read == [record for record in records if any(record)]


def test_headers_are_made_safe_too() -> None:
    stream = io.StringIO()
    write_cells(stream, ["@x"], [["1"]])
    assert next(csv.reader(stream.getvalue().splitlines())) == ["'@x"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separators_of_spreadsheets_are_understood(separator: str) -> None:
    text = f"\ufeffa{separator}b\r\n1{separator}2\r\n"
    assert read_cells(io.BytesIO(text.encode())) == (["a", "b"], [["1", "2"]], [2])


def test_blank_rows_are_skipped_but_counted() -> None:
    assert read_cells(io.StringIO("a,b\n\n1,2\n,\n3,4\n"))[2] == [3, 5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"a,b\n1,2,3\n", "3 cells"),
        (b'a,b\n1,"2\n', "quote"),
        ("a,b\n1,\xe9\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_a_file_that_is_no_table_says_what_to_do(content: bytes, message: str) -> None:
    with pytest.raises(CellsError, match=message):
        read_cells(io.BytesIO(content))
