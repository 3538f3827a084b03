"""Whatever program wrote a table, its cells mean what they meant there; a refusal names the line of an editor."""

import csv
import io
import itertools
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analysis.data.csv_cells import write_cells
from analysis.data.tables import RowError, TableError, alike, number, read_table, read_text

ROWS = [["image", "findings", "age"], ["a.png", "Pneumonia|Edema", "63"], ["Müller.png", "Mass", "7"]]
WANTED = ("image", "findings")


def written(separator: str, ends: str, *, first: str = "", tail: str = "") -> str:
    return first + "".join(separator.join(cells) + tail + ends for cells in ROWS)


@pytest.mark.parametrize(
    ("separator", "ends", "encoding"),
    [
        *itertools.product(",;\t", ("\n", "\r\n", "\r"), ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")),
        (";", "\r\n", "cp1252"),
    ],
)
def test_the_forms_in_which_spreadsheets_save_a_table_are_one_table(separator: str, ends: str, encoding: str) -> None:
    table = read_table(io.BytesIO(written(separator, ends).encode(encoding)), required=WANTED)
    assert [list(table.header), *table.records] == ROWS
    assert table.lines == [2, 3]
    assert not table.misfits


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\r\n', "SEP=;\n"])
def test_the_line_by_which_excel_names_the_separator_is_no_header(first: str) -> None:
    table = read_table(io.BytesIO(("\ufeff" + written(";", "\r\n", first=first)).encode()), required=WANTED)
    assert list(table.header) == ROWS[0]
    assert table.lines == [3, 4]


def test_empty_columns_at_the_end_are_no_columns() -> None:
    assert read_table(io.StringIO(written(",", "\n", tail=",,,"))).records == ROWS[1:]
    assert read_table(io.StringIO("a,b\n1,2,,\n")).records == [["1", "2"]]


def test_a_value_beyond_the_named_columns_is_never_dropped() -> None:
    table = read_table(io.StringIO("image,findings,\na.png,Mass,\nb.png,Pneumonia, Edema\nc.png,Mass,,Edema\nd.png\n"))
    assert table.records == [["a.png", "Mass"]]
    assert [(misfit.line, misfit.reason) for misfit in table.misfits] == [
        (3, "has 'Edema' in column 3, which has no name"),
        (4, "has 4 values; the header has 2"),
        (5, "has 1 values; the header has 2"),
    ]
    with pytest.raises(TableError, match="Line 3: the row has 'Edema' in column 3"):
        table.whole()


def test_the_names_of_rows_that_r_and_pandas_write_are_left_out_and_said() -> None:
    table = read_table(io.StringIO('"","image","findings"\n"1","a.png","Mass"\n'), required=WANTED)
    assert (table.header, table.records) == (("image", "findings"), [["a.png", "Mass"]])
    assert "first column has no name" in table.notes[0]


def test_windows_1252_is_read_and_said_with_a_word_to_check() -> None:
    table = read_table(io.BytesIO("image;findings\r\nMüller.png;Mass\r\n".encode("cp1252")), name="labels.csv")
    assert table.records == [["Müller.png", "Mass"]]
    (note,) = table.notes
    assert "labels.csv is not UTF-8" in note
    assert "line 2 then has 'Müller.png;Mass'" in note


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        (b"a,b\n1,\x002\n", "Line 2: the file contains a NUL"),
        (b"a,b\n1,\x81\xff\n", "neither UTF-8"),
        (b"\xef\xbb\xbfa,b\n1,\xff\n", "begins as UTF-8 and is damaged at byte"),
        (b"\xff\xfea\x00,\x00b\x00\n\x00\x00\xd8", "UTF-16 and is damaged"),
        (b'a,b\n1,"2\n', "Line 2: a quote is not closed"),
        (b'a,b\n1,2\n3,"4"5\n', "Line 3: a quote"),
        (b"a,b,A \n1,2,3\n", "two columns are called a"),
        (b"b,c\n1,2\n", "has no column a; its columns are: b, c"),
    ],
)
def test_a_file_that_is_no_table_says_where_and_what_to_do(content: bytes, message: str) -> None:
    with pytest.raises(TableError, match=message):
        read_table(io.BytesIO(content), required=("a",))


def test_lines_are_counted_as_an_editor_does() -> None:
    text = 'sep=,\n\na,b\n\n"one\ntwo",1\n,\nthree,2\n'
    assert read_table(io.StringIO(text)).lines == [5, 8]
    with pytest.raises(TableError, match="Line 9"):
        read_table(io.StringIO(f'{text}four,"\n'))


def test_names_of_columns_and_cells_are_trimmed_and_case_does_not_matter() -> None:
    table = read_table(io.StringIO(" Image ;FINDINGS\n a.png\u00a0;\ufeffMass \n"), required=WANTED)
    assert (table.header, table.records) == (WANTED, [["a.png", "Mass"]])


@pytest.mark.parametrize(
    "text", ["Smith, J;Doe, A\n3;4\n", '"Smith, J";"Doe, A"\n"3";"4"\n', '"Smith, J","Doe, A"\n"3","4"\n']
)
def test_a_comma_in_a_name_is_not_taken_for_the_separator(text: str) -> None:
    table = read_table(io.StringIO(text))
    assert (table.header, table.records) == (("Smith, J", "Doe, A"), [["3", "4"]])


def test_a_list_by_semicolons_in_a_file_with_commas_stays_a_list() -> None:
    assert read_table(io.StringIO("image,findings\na.png,Pneumonia;Edema;Mass\n")).records == [
        ["a.png", "Pneumonia;Edema;Mass"]
    ]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_decimal_comma_is_a_number_where_commas_do_not_separate(separator: str) -> None:
    text = "x;y;z\n3,5;1;-0,25\n4;2;1,5e2\n".replace(";", separator)
    rows = list(read_table(io.StringIO(text)))
    assert [[row.number(name) for name in "xyz"] for row in rows] == [[3.5, 1.0, -0.25], [4.0, 2.0, 150.0]]
    assert read_table(io.StringIO(text)).write_points("xyz").records == [["3.5", "1", "-0.25"], ["4", "2", "1.5e2"]]


def test_a_comma_and_a_point_in_one_column_are_not_guessed_at() -> None:
    table = read_table(io.StringIO("x;y\n3,5;1\n1.234;2\n"))
    with pytest.raises(TableError, match=r"Line 2: column 'x' has 3,5 there and 1\.234 on line 3"):
        table.write_points(["x"])
    with pytest.raises(RowError, match="one decimal sign"):
        next(iter(table)).number("x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3,5", "decimal point"),
        ("1.234,5", "between thousands"),
        ("1,234.5", "between thousands"),
        ("1'234", "between thousands"),
        ("nan", "finite"),
        ("1e999", "finite"),
        ("1_000", "no number"),
        ("\u0663", "no number"),
        ("0x10", "no number"),
        ("two", "no number"),
    ],
)
def test_what_is_no_number_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(RowError, match=message):
        number(text, "x")


def test_keys_that_differ_only_by_case_zeros_or_blanks_are_found() -> None:
    names = ["R1", "r1", "R01", "case 7", "case_007", "case7", "case70", "1.05", "1.5", "Å", "A\u030a"]
    assert alike(names) == [("R1", "r1", "R01"), ("case 7", "case_007", "case7"), ("Å", "A\u030a")]
    assert alike(["10", "1", "100", "10"]) == []


def test_text_of_other_formats_is_decoded_alike() -> None:
    assert read_text(io.BytesIO("BEGIN DATA:\nré".encode("utf-16"))) == ("BEGIN DATA:\nré", [])


@example([["a", "\r"]])
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=2)
    )
)
def test_any_table_survives_a_file_but_for_blanks_around_its_cells(records: list[list[str]]) -> None:
    stream = io.StringIO(newline="")
    write_cells(stream, ["=header", "b"], records)
    table = read_table(io.BytesIO(stream.getvalue().encode()))
    trimmed = [[cell.strip().strip("\u200b\ufeff").strip() for cell in record] for record in records]
    assert table.header == ("=header", "b")
    assert table.records == [record for record in trimmed if any(record)]


@pytest.mark.shared_data
def test_labels_as_excel_saves_them_in_german_are_read(shared_data_dir: Path) -> None:
    table = read_table(shared_data_dir / "faults" / "labels_semicolon_excel" / "labels.csv", required=WANTED)
    assert table.records == [["a.png", "Pneumonia|Edema", "63"]]


@pytest.mark.shared_data
def test_real_labels_are_read_as_the_standard_library_reads_them(shared_data_dir: Path) -> None:
    path = shared_data_dir / "nih" / "labels.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        expected = list(csv.DictReader(stream))
    assert [dict(row.values) for row in read_table(path, required=("image", "findings"))] == expected
