"""Cells that a spreadsheet would run are made safe and come back as they were."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.data.csv_cells import plain_cell, safe_cell, write_cells


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


def test_headers_are_made_safe_too() -> None:
    stream = io.StringIO()
    write_cells(stream, ["@x"], [["1"]])
    assert next(csv.reader(stream.getvalue().splitlines())) == ["'@x"]
