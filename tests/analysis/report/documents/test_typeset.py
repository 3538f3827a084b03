"""The PDF of a document, opened with a reader that is not ours: its text, its fonts, its numbers, its title."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pypdf
import pytest

from analysis.report.documents.blocks import (
    Bullets,
    Cell,
    Column,
    Document,
    Drawing,
    Group,
    Paragraph,
    Part,
    Row,
    Section,
    Table,
)
from analysis.report.documents.typeset import pdf_bytes
from analysis.report.typesetter import figure_pdf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="40pt" viewBox="0 0 100 40">'
    b'<text x="5" y="20" style="font-size: 10px; font-family: \'DejaVu Sans\'">Sensitivity</text></svg>'
)
#: Text that is markup to Typst, HTML or a path; scripts from right to left, others, emoji; longer than any column.
HOSTILE = [
    '#panic("read as code")',
    "$ x ] ) } *bold* _em_ `raw` <label> @ref // comment",
    '#read("/etc/passwd") #image("/etc/hostname")',
    "</script><img src=x onerror=alert(1)>",
    "\\u{41} \\ \" ' \x07 \u2028",
    "שלום עולם مرحبا بالعالم",
    "肺炎の読影 🫁 \u202etxt",
    "w" * 400,
]


def reader(content: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(content))


def text_of(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in reader(content).pages)


def root_of(read: pypdf.PdfReader) -> pypdf.generic.DictionaryObject:
    root = read.trailer["/Root"]
    assert isinstance(root, pypdf.generic.DictionaryObject)
    return root


def fonts_of(content: bytes) -> Iterator[pypdf.generic.DictionaryObject]:
    """The description of every font of every page and figure."""
    waiting: list[Any] = [page["/Resources"] for page in reader(content).pages]
    while waiting:
        resources = waiting.pop().get_object()
        for font in resources.get("/Font", {}).values():
            for descendant in font.get_object().get("/DescendantFonts", [font]):
                yield descendant.get_object()["/FontDescriptor"]
        forms = [form.get_object() for form in resources.get("/XObject", {}).values()]
        waiting += [form["/Resources"] for form in forms if "/Resources" in form]


def table(*rows: tuple[str, ...], notes: tuple[str, ...] = ()) -> Table:
    columns = (Column("Reader", number=False), *(Column("Difference", number=True) for _ in rows[0][1:]))
    made = tuple(Row(tuple(map(Cell, row)), notes=(0,) if notes else ()) for row in rows)
    return Table("effect", "Each reader", "Means.", columns, (Group("confidence", made),), notes, ("effect.csv",))


def document(*blocks: Table | Drawing | Paragraph | Bullets, title: str = "A study") -> Document:
    section = Section("one", "A section", blocks)
    return Document(title, "B − A", (Paragraph("In words."),), (Part("part", "A part", (section,)),), title)


def test_the_text_can_be_read_and_searched() -> None:
    content = pdf_bytes(document(table(("r1", "+0.150"), ("r2", "−10.5"), notes=("too few cases",))))
    text = text_of(content)
    for words in ("A study", "B − A", "In words.", "1.1 A section", "Table 1", "Each reader", "+0.150", "−10.5"):
        assert words in text
    for words in ("confidence", "too few cases", "effect.csv", "1 / 2", "2 / 2", "Contents"):
        assert words in text


def test_pages_are_a4_upright() -> None:
    for page in reader(pdf_bytes(document())).pages:
        assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)


def test_it_has_its_title_and_no_date() -> None:
    read = reader(pdf_bytes(document(title="Reader study 肺")))
    assert read.metadata is not None
    assert read.metadata.title == "Reader study 肺"
    assert "/CreationDate" not in read.metadata
    assert str(root_of(read)["/Lang"]) == "en"
    assert read.outline  # contents that a program can list


def test_the_same_document_gives_the_same_bytes() -> None:
    once, again = (pdf_bytes(document(table(("r1", "+0.150")))) for _ in range(2))
    assert once == again


def test_every_font_is_in_the_file_also_that_of_figures() -> None:
    drawing = Drawing("roc", "ROC curves.", "Curves of two arms.", SVG, figure_pdf(SVG))
    content = pdf_bytes(document(drawing))
    fonts = list(fonts_of(content))
    assert any("DejaVuSans" in str(font["/FontName"]) for font in fonts)
    assert all({"/FontFile", "/FontFile2", "/FontFile3"} & font.keys() for font in fonts)
    assert "Sensitivity" in text_of(content)


def test_a_figure_is_told_to_those_who_do_not_see_it() -> None:
    content = pdf_bytes(document(Drawing("roc", "ROC curves.", "Curves of two arms.", SVG, figure_pdf(SVG))))
    tree = [root_of(reader(content))["/StructTreeRoot"]]
    told = []
    while tree:
        node = tree.pop().get_object()
        if isinstance(node, pypdf.generic.ArrayObject):
            tree += node
        elif isinstance(node, pypdf.generic.DictionaryObject):
            told.append(str(node.get("/Alt", "")))
            tree += [node["/K"]] if "/K" in node else []
    assert "Curves of two arms." in told


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_a_study_is_text_wherever_it_stands(text: str) -> None:
    note = Paragraph(text, "warning")
    written = table((text, text), ("r2", "1.0"), notes=(text,))
    everywhere = Document(
        text,
        text,
        (note, Bullets((text,), text)),
        (Part("part", text, (Section("one", text, (note, written)),), appendix=True),),
        text,
    )
    content = pdf_bytes(everywhere)
    assert len(reader(content).pages) >= 2
    if text.isascii() and text.isprintable() and "`" not in text:
        squeezed = re.sub(r"[\s\u200b-]", "", text_of(content))
        # In the title, the summary, headings, both cells and the footnote.
        assert squeezed.count(re.sub(r"[\s-]", "", text)) >= 6


def test_numbers_are_aligned_on_their_point() -> None:
    content = pdf_bytes(document(table(("r1", "1.25"), ("r2", "−10.5"), ("r3", "100"))))
    ends: dict[str, float] = {}

    def visit(text: str, cm: list[float], tm: list[float], _font: object, size: float) -> None:
        if text.strip() in {"1.25", "−10.5", "100"}:
            ends[text.strip()] = cm[4] + tm[4]

    for page in reader(content).pages:
        page.extract_text(visitor_text=visit)
    assert len(ends) == 3
    # Left edges differ by digits before the point alone: in tabular digits of one width.
    digit = (ends["1.25"] - ends["100"]) / 2
    assert digit > 3
    assert ends["−10.5"] < ends["1.25"] - digit


def test_a_table_that_is_too_wide_goes_on_below_with_its_rows_named_again() -> None:
    rows = [(f"reader-{number}", *(f"{number}.123456" for _ in range(20))) for number in range(3)]
    assert text_of(pdf_bytes(document(table(*rows)))).count("reader-1") >= 2


def test_a_long_table_repeats_its_header_and_its_question() -> None:
    rows = [(f"reader-{number}", "1.0") for number in range(150)]
    content = pdf_bytes(document(table(*rows)))
    pages = [page.extract_text() for page in reader(content).pages if "reader-" in page.extract_text()]
    assert len(pages) > 2
    assert all("Difference" in page and "confidence" in page for page in pages)


def test_the_numbers_are_those_of_the_tables(small_results: Path) -> None:
    text = text_of((small_results / "report.pdf").read_bytes()).replace("−", "-")
    with (small_results / "effect.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    for row in rows:
        mean, p = float(row["mean_difference"]), float(row["p_value"])
        assert f"{mean:.4f}".removeprefix("-") in text
        assert (f"{p:.3f}".removeprefix("0") if p >= 0.001 else "< .001") in text
