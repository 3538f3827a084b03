"""The HTML of a document: it stands alone, and text of a study is text in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

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
from analysis.report.documents.page import page_text

HOSTILE = [
    "</style><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "<img src=x onerror=alert(1)>",
    "a`<b>`c",
    "肺 שלום 🫁",
]
DRAWING = Drawing("roc", "ROC curves.", "Curves of two arms.", b"<svg/>", b"%PDF")


class Tags(HTMLParser):
    """The elements of a page with their attributes, and all its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def document(text: str = "confidence") -> Document:
    columns = (Column(text, number=False), Column("Difference", number=True))
    rows = (Row((Cell(text), Cell("1.25")), strong=True), Row((Cell("r2"), Cell("100")), notes=(0,)))
    table = Table("effect", text, text, columns, (Group(text, rows),), (text,), ("effect.csv",))
    blocks = (Paragraph(text, "warning"), Bullets((text,), text), table, DRAWING)
    return Document(text, text, blocks[:2], (Part("part", text, (Section("one", text, blocks),)),), text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_of_a_study_is_text_wherever_it_stands(text: str) -> None:
    hostile, harmless = Tags(page_text(document(text))), Tags(page_text(document("a`b`c" if "`" in text else "abc")))
    assert [tag for tag, _ in hostile.found] == [tag for tag, _ in harmless.found]
    assert [list(names) for _, names in hostile.found] == [list(names) for _, names in harmless.found]
    assert text.replace("`", "") in hostile.text


def test_nothing_is_fetched_and_nothing_runs() -> None:
    tags = Tags(page_text(document()))
    assert not {"script", "link", "iframe"} & {tag for tag, _ in tags.found}
    addresses = [names[name] or "" for _, names in tags.found for name in ("src", "href") if name in names]
    assert addresses
    assert all(address.startswith(("data:image/svg+xml;base64,", "#")) for address in addresses)
    [policy] = [names["content"] for tag, names in tags.found if tag == "meta" and "http-equiv" in names]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "url(" not in page_text(document())


def test_every_link_of_the_contents_leads_somewhere_and_anchors_are_distinct() -> None:
    tags = Tags(page_text(document()))
    anchors = [names["id"] for _, names in tags.found if "id" in names]
    assert len(anchors) == len(set(anchors))
    assert {(names["href"] or "")[1:] for tag, names in tags.found if tag == "a"} <= set(anchors)
    named = [names["aria-labelledby"] for _, names in tags.found if "aria-labelledby" in names]
    assert set(named) <= set(anchors)


def test_figures_are_told_and_tables_have_headers_for_rows_and_columns() -> None:
    tags = Tags(page_text(document()))
    assert [names["alt"] for tag, names in tags.found if tag == "img"] == ["Curves of two arms."]
    assert [names["scope"] for tag, names in tags.found if tag == "th"] == ["col", "col", "rowgroup"]


def test_numbers_are_padded_to_one_point_without_a_change_of_their_text() -> None:
    page = page_text(document())
    assert re.findall(r'<td class="n"( data-f="[^"]*")?>([^<]+)</td>', page) == [("", "1.25"), (' data-f=".00"', "100")]


def test_it_is_fit_for_print_dark_and_narrow_screens() -> None:
    style = page_text(document())
    for words in ("@media print", "prefers-color-scheme:dark", 'name="viewport"', "@page{size:A4"):
        assert words in style
