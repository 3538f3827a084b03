"""What a document is made of, whatever it is printed as: parts, sections, and blocks of text, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "note", "warning"]


@dataclass(frozen=True)
class Paragraph:
    """Sentences; words between backticks are names of files, tables and columns."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Bullets:
    """Items of a list, under a line of their own where there is a heading."""

    items: tuple[str, ...]
    heading: str = ""


@dataclass(frozen=True)
class Column:
    """A column's heading; numbers are aligned on their decimal point."""

    heading: str
    number: bool


@dataclass(frozen=True)
class Cell:
    """A printed value."""

    text: str
    strong: bool = False


@dataclass(frozen=True)
class Row:
    """A row with a cell for each column; `strong` where it is the one to report; `notes` are numbers of footnotes."""

    cells: tuple[Cell, ...]
    strong: bool = False
    notes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Group:
    """Rows under a heading of their own; the heading is empty where the table is not divided."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """A table, ready to print. `key` is its anchor, `footnotes` are what the rows' notes point to, counted from 0."""

    key: str
    title: str
    about: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    footnotes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # where it stands in full


@dataclass(frozen=True)
class Drawing:
    """A figure, as the files that were written of it; `alt` says in words what it shows."""

    name: str
    caption: str
    alt: str
    svg: bytes
    pdf: bytes


Block = Paragraph | Bullets | Table | Drawing


@dataclass(frozen=True)
class Section:
    """Blocks under a heading; `key` is the anchor, distinct in a document."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Part:
    """Sections that belong together, after what is to be said of all of them."""

    key: str
    title: str
    sections: tuple[Section, ...]
    blocks: tuple[Block, ...] = ()
    appendix: bool = False


@dataclass(frozen=True)
class Document:
    """What is printed: the title, the summary, and the parts."""

    title: str
    subtitle: str
    summary: tuple[Block, ...]
    parts: tuple[Part, ...]
    running: str = ""  # at the head of each page
