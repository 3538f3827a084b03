"""The PDF of a report, taken apart by the rules of ISO 32000-1: its text, its font, its figures, its references."""

import io
import re
import zlib

import pytest
from fontTools.ttLib import TTFont
from matplotlib.figure import Figure

from analysis.report.documents.pdf import pdf_document
from analysis.report.figures.style import render
from tests.typed import present


def objects_of(content: bytes) -> dict[int, bytes]:
    """Number -> body of every object, each found where the cross-reference table says."""
    table = int(content[content.rindex(b"startxref") :].split()[1])
    assert content[table:].startswith(b"xref\n0 ")
    size = int(content[table:].split()[2])
    rows = content[table:].splitlines(keepends=True)[2 : 2 + size]
    assert {len(row) for row in rows} == {20}
    found = {}
    for number, row in enumerate(rows[1:], start=1):
        body = content[int(row[:10]) :]
        assert body.startswith(b"%d 0 obj\n" % number)
        found[number] = body[: body.index(b"endobj")]
    return found


def dictionary(body: bytes) -> bytes:
    return body.partition(b"stream\n")[0]


def stream(body: bytes) -> bytes:
    return zlib.decompressobj().decompress(body.partition(b"stream\n")[2])


def reference(name: bytes, body: bytes) -> int:
    return int(present(re.search(name + rb" \[? ?(\d+) 0 R", body))[1])


def pages_of(content: bytes) -> list[int]:
    objects = objects_of(content)
    root = reference(b"/Root", content[content.rindex(b"trailer") :])
    tree = objects[reference(b"/Pages", objects[root])]
    kids = [int(number) for number in re.findall(rb"(\d+) 0 R", present(re.search(rb"/Kids \[(.*?)\]", tree))[1])]
    assert int(present(re.search(rb"/Count (\d+)", tree))[1]) == len(kids)
    return kids


def lines_of(content: bytes, page: int) -> list[str]:
    """What a page of text shows: the glyphs' numbers, by the character map of the font that is embedded."""
    objects = objects_of(content)
    font = objects[reference(b"/F1", objects[page])]
    descendant = objects[reference(b"/DescendantFonts", font)]
    program = TTFont(
        io.BytesIO(stream(objects[reference(b"/FontFile2", objects[reference(b"/FontDescriptor", descendant)])]))
    )
    shown = {program.getGlyphID(name): chr(code) for code, name in program.getBestCmap().items()}
    return [
        "".join(shown.get(int(code, 16), "□") for code in re.findall(r"....", text))
        for text in re.findall(r"<([0-9A-F]*)> Tj", stream(objects[reference(b"/Contents", objects[page])]).decode())
    ]


def drawing(words: str) -> bytes:
    figure = Figure(figsize=(2, 1))
    figure.text(0.5, 0.5, words)
    figure.add_subplot().bar([1, 2], [3, 4], hatch="///", alpha=0.5)
    return render(figure, "pdf")


def test_pages_show_their_lines_and_number_in_the_font_that_is_embedded() -> None:
    content = pdf_document("A study", [["Mean – λ", "", "r1 | 0.5"], ["second"]], [])
    first, second = pages_of(content)
    assert lines_of(content, first) == ["Mean – λ", "", "r1 | 0.5", "1"]
    assert lines_of(content, second) == ["second", "2"]


def test_the_text_can_be_searched_and_copied() -> None:
    content = pdf_document("A study", [["Mean λ"]], [])
    objects = objects_of(content)
    [page] = pages_of(content)
    font = objects[reference(b"/F1", objects[page])]
    known = stream(objects[reference(b"/ToUnicode", font)]).decode()
    copied = {
        int(code, 16): bytes.fromhex(text).decode("utf-16-be") for code, text in re.findall(r"<(\w+)> <(\w+)>\n", known)
    }
    shown = present(re.search(r"<([0-9A-F]*)> Tj", stream(objects[reference(b"/Contents", objects[page])]).decode()))[1]
    assert "".join(copied[int(code, 16)] for code in re.findall("....", shown)) == "Mean λ"


def test_a_character_that_the_font_lacks_is_an_empty_box() -> None:
    content = pdf_document("肺", [["肺 mass \ud800\t"]], [])
    [page] = pages_of(content)
    assert lines_of(content, page)[0] == "□ mass □□"


def test_a_figure_s_page_is_the_figure_s_own_and_nothing_points_nowhere() -> None:
    drawings = [drawing("confidence"), drawing("1 0 R")]
    content = pdf_document("A study", [["text"]], drawings)
    objects = objects_of(content)
    text, *figures = pages_of(content)
    assert len(figures) == len(drawings)
    for page, own in zip(figures, drawings, strict=True):
        [alone] = pages_of(own)
        before = objects_of(own)
        # 2 x 1 inches
        assert b"/MediaBox [ 0 0 144 72 ]" in objects[page]
        assert stream(objects[reference(b"/Contents", objects[page])]) == stream(
            before[reference(b"/Contents", before[alone])]
        )
    for number, body in objects.items():
        for target in re.findall(rb"(\d+) 0 R", dictionary(body)):
            assert int(target) in objects, number
    # Every page hangs in the one tree, and no font of one figure is taken for another's.
    assert {reference(b"/Parent", objects[page]) for page in (text, *figures)} == {2}
    resources = [reference(b"/Resources", objects[page]) for page in figures]
    assert len(set(resources)) == 2


def test_a_pdf_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="not of the kind"):
        pdf_document("A study", [], [b"%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer\n<< >>\nstartxref\n9\n%%EOF"])
