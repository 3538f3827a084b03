"""allocation.csv: what was planned, and why a reading is in no analysis."""

import io

import pytest

from analysis.data.allocation import AllocationFileError, load_allocation

HEADER = "reader,case,arm,period,opened_at,excluded"


def test_training_is_no_part_of_what_was_planned() -> None:
    lines = ["R1,1,A,1,2026-03-02T09:00:00Z,", "R1,9,A,0,,", "R1,8,B,1,,training", "R2,1,A,1,,reader withdrawn"]
    table = load_allocation(io.StringIO("\n".join([HEADER, *lines])))
    assert table.to_dict("records") == [
        {"reader": "R1", "case": "1", "arm": "A", "opened": True, "excluded": ""},
        {"reader": "R2", "case": "1", "arm": "A", "opened": False, "excluded": "reader withdrawn"},
    ]


def test_without_times_every_reading_counts_as_begun() -> None:
    table = load_allocation(io.StringIO("reader,case,arm,period\nR1,1,A,1\n"))
    assert table[["opened", "excluded"]].to_numpy().tolist() == [[True, ""]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reader,case,period\nR1,1,1\n", "no column arm"),
        (f"{HEADER}\nR1,1,A,1,,because\n", "because of 'because'"),
        ("", "cannot be read"),
    ],
)
def test_another_table_is_refused(text: str, said: str) -> None:
    with pytest.raises(AllocationFileError, match=said):
        load_allocation(io.StringIO(text))
