"""RESPONSES.csv: what is accepted, what is refused and how the refusal reads."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from analysis.data.schema import (
    COLUMN_NAMES,
    SchemaError,
    codebook,
    fingerprint,
    load_responses,
    validate,
    write_responses,
)
from tests.typed import cell_of, present

HEADER = "reader,case,target,label,arm,period,question,value"
DESIGN_COLUMNS = (
    "study reader case image patient target label arm period position question value iou seconds opened_at "
    "answered_at revisions"
)
FURTHER_COLUMNS = "mask_area map_area"


def row(**changes: Any) -> dict[str, Any]:
    return {
        "reader": "r1",
        "case": "c1",
        "target": "Mass",
        "label": "TP",
        "arm": "A",
        "period": 1,
        "question": "confidence",
        "value": 4,
        **changes,
    }


def test_the_columns_are_those_of_the_design_in_its_order_and_then_the_areas() -> None:
    assert " ".join(COLUMN_NAMES) == f"{DESIGN_COLUMNS} {FURTHER_COLUMNS}"


def test_the_codebook_describes_every_column() -> None:
    book = codebook()
    assert [entry["column"] for entry in book] == list(COLUMN_NAMES)
    assert all(entry["description"] for entry in book)
    required = [entry["column"] for entry in book if entry["required"] == "yes"]
    assert required == ["reader", "case", "target", "label", "arm", "period", "question", "value"]


def test_a_table_with_the_required_columns_alone_is_enough() -> None:
    frame = load_responses(io.StringIO(f"{HEADER}\nr1,7,Mass,TP,A,1,confidence,4\n"))
    assert list(frame.columns) == list(COLUMN_NAMES)
    assert cell_of(frame, 0, "case") == "7"
    assert cell_of(frame, 0, "value") == 4.0
    assert cell_of(frame, 0, "study") == ""
    assert pd.isna(present(cell_of(frame, 0, "iou")))


def test_a_target_called_na_is_not_missing() -> None:
    frame = load_responses(io.StringIO(f"{HEADER}\nr1,7,NA,TP,A,1,confidence,4\n"))
    assert cell_of(frame, 0, "target") == "NA"


@pytest.mark.parametrize(
    ("changes", "column", "message"),
    [
        ({"label": "tp"}, "label", "'tp' is not allowed. Write TP or FP"),
        ({"value": "four"}, "value", "'four' is not a number"),
        ({"value": "3,5"}, "value", "decimal point"),
        ({"value": ""}, "value", "empty"),
        ({"value": None}, "value", "empty"),
        ({"value": float("inf")}, "value", "not a number"),
        ({"reader": " "}, "reader", "empty"),
        ({"period": 0}, "period", "out of range"),
        ({"period": 1.5}, "period", "not whole"),
        ({"iou": 1.2}, "iou", "0 to 1"),
        ({"seconds": -1}, "seconds", "0 or more"),
        ({"opened_at": "yesterday"}, "opened_at", "ISO 8601"),
        ({"target": "all"}, "target", "reserved"),
    ],
)
def test_a_bad_cell_is_named_with_its_column_and_line(changes: dict[str, Any], column: str, message: str) -> None:
    frame = pd.DataFrame([row(), row(**{"case": "c2", **changes})])
    with pytest.raises(SchemaError, match=message) as caught:
        validate(frame)
    assert caught.value.column == column
    assert caught.value.rows == (3,)
    assert f"Column '{column}', line 3" in str(caught.value)


def test_rows_of_a_file_are_counted_as_a_spreadsheet_shows_them() -> None:
    with pytest.raises(SchemaError) as caught:
        load_responses(io.StringIO(f"{HEADER}\n\nr1,7,Mass,TP,A,1,confidence,x\n"))
    assert caught.value.rows == (3,)


def test_missing_columns_are_all_named() -> None:
    with pytest.raises(SchemaError, match="lacks the columns label, value"):
        validate(pd.DataFrame([row()]).drop(columns=["label", "value"]))


def test_a_doubled_answer_is_refused_with_both_rows() -> None:
    frame = pd.DataFrame([row(), row(case="c2"), row(value=2)])
    with pytest.raises(SchemaError, match="more than once") as caught:
        validate(frame)
    assert caught.value.rows == (2, 4)


def test_hidden_repeats_at_another_position_are_accepted() -> None:
    assert len(validate(pd.DataFrame([row(position=1), row(position=9)]))) == 2


@pytest.mark.parametrize(
    ("column", "values"), [("label", ("TP", "FP")), ("target", ("Mass", "Edema")), ("iou", (0.1, 0.2))]
)
def test_a_case_cannot_change_between_rows(column: str, values: tuple[Any, Any]) -> None:
    frame = pd.DataFrame([row(**{column: values[0]}), row(reader="r2", **{column: values[1]})])
    with pytest.raises(SchemaError, match=f"more than one {column}") as caught:
        validate(frame)
    assert caught.value.rows == (2, 3)


def test_an_empty_file_is_no_table_but_a_header_alone_is_an_empty_one() -> None:
    with pytest.raises(SchemaError, match="empty"):
        load_responses(io.StringIO(""))
    assert load_responses(io.StringIO(f"{HEADER}\n")).empty


def test_frames_with_database_types_give_the_same_as_their_file(tmp_path: Path) -> None:
    opened = datetime(2025, 3, 1, 9, 30, 0, 250000, tzinfo=UTC)
    frame = pd.DataFrame(
        [
            row(case=10, study="=s", opened_at=opened, position=2, revisions=None, iou=0.125, seconds=3.5),
            row(case=9, study="=s", opened_at=None, position=None, revisions=1, iou=None, seconds=None),
        ]
    )
    path = tmp_path / "responses.csv"
    write_responses(frame, path)
    assert "'=s" in path.read_text()
    loaded = load_responses(path)
    assert list(loaded["case"]) == ["9", "10"]
    assert_frame_equal(loaded, validate(frame))
    assert fingerprint(loaded) == fingerprint(frame)


def test_order_and_fingerprint_do_not_depend_on_the_order_of_rows(small_study: pd.DataFrame) -> None:
    shuffled = small_study.sample(frac=1, random_state=3)
    assert_frame_equal(validate(small_study), validate(shuffled))
    assert fingerprint(small_study) == fingerprint(shuffled)


def test_the_fingerprint_changes_with_one_answer(small_study: pd.DataFrame) -> None:
    changed = small_study.copy()
    changed.loc[0, "value"] = 6 - cell_of(changed, 0, "value")
    assert fingerprint(changed) != fingerprint(small_study)
