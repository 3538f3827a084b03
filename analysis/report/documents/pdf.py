"""One PDF of pages of monospaced text and of pages that matplotlib drew.

matplotlib lays text out glyph by glyph, which takes seconds for the tables of a report. In a font whose glyphs are all
equally wide there is nothing to lay out. Numbers of sections are those of ISO 32000-1.
"""

from __future__ import annotations

import io
import re
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

from fontTools import subset
from matplotlib.font_manager import FontProperties, findfont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fontTools.ttLib import TTFont

FONT = "DejaVu Sans Mono"  # comes with matplotlib
# In points: A4 across, the size of the letters, the distance of the lines and the width of a glyph.
PAGE = (841.68, 595.44)
_SIZE, _LEADING = 6.5, 8.6
_ADVANCE = 0.602 * _SIZE
_LEFT, _TOP, _FOOT = 33.7, 560.0, 17.9
# Tables that only other programs than PDF readers use: layout, hinting, names.
_NEEDLESS = ["FFTM", "GDEF", "GPOS", "GSUB"]


def pdf_document(title: str, pages: Sequence[Sequence[str]], drawings: Sequence[bytes]) -> bytes:
    """The pages of text, numbered at their foot, then each drawing: a PDF of one page as matplotlib writes it.

    The font is embedded with the characters that occur. Characters stand in the order of the text; one that the font
    lacks is an empty box.
    """
    file = _File()
    root, tree = file.reserve(), file.reserve()
    texts = [[*lines, str(number)] for number, lines in enumerate(pages, start=1)]
    font, glyphs = _font(file, sorted(set().union(*(line for lines in texts for line in lines))))
    kids = [_text_page(file, tree, font, lines, glyphs) for lines in texts]
    kids += [_drawn_page(file, tree, drawing) for drawing in drawings]
    references = b" ".join(b"%d 0 R" % kid for kid in kids)
    file.write(root, b"<< /Type /Catalog /Pages %d 0 R >>" % tree)
    file.write(tree, b"<< /Type /Pages /Kids [ %s ] /Count %d >>" % (references, len(kids)))
    name = (b"\xfe\xff" + title.encode("utf-16-be")).hex().encode()
    info = file.add(b"<< /Creator (analysis) /Title <%s> >>" % name)
    return file.content(root, info)


class _File:
    """The objects of a PDF, numbered from 1 (7.5)."""

    def __init__(self) -> None:
        self._objects: list[bytes] = []

    def reserve(self) -> int:
        """The number of an object that is written later."""
        self._objects.append(b"")
        return len(self._objects)

    def write(self, number: int, body: bytes) -> None:
        self._objects[number - 1] = body

    def add(self, body: bytes) -> int:
        number = self.reserve()
        self.write(number, body)
        return number

    def add_stream(self, data: bytes, more: bytes = b"") -> int:
        packed = zlib.compress(data)
        head = b"<< /Length %d /Filter /FlateDecode %s>>" % (len(packed), more)
        return self.add(head + b"\nstream\n" + packed + b"\nendstream")

    def content(self, root: int, info: int) -> bytes:
        parts = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"]
        parts += [b"%d 0 obj\n%s\nendobj\n" % (number, body) for number, body in enumerate(self._objects, start=1)]
        offsets = [0]
        for part in parts:
            offsets.append(offsets[-1] + len(part))
        entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets[1:-1])
        size = len(self._objects) + 1
        parts.append(b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, entries))
        parts.append(b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (size, root, info))
        parts.append(b"startxref\n%d\n%%%%EOF\n" % offsets[-1])
        return b"".join(parts)


def _text_page(file: _File, tree: int, font: int, lines: Sequence[str], glyphs: dict[str, int]) -> int:
    """A page of lines; the last of them is its foot, at the right."""
    *body, foot = (b"<%s> Tj" % "".join(f"{glyphs[character]:04X}" for character in line).encode() for line in lines)
    right = PAGE[0] - _LEFT - _ADVANCE * len(lines[-1])
    start = f"BT /F1 {_SIZE} Tf {_LEADING} TL {_LEFT} {_TOP} Td".encode()
    end = f"ET BT /F1 {_SIZE} Tf {right:.2f} {_FOOT} Td".encode()
    content = file.add_stream(b"\n".join([start, b" T*\n".join(body), end, foot, b"ET"]))
    box = f"{PAGE[0]} {PAGE[1]}".encode()
    return file.add(
        b"<< /Type /Page /Parent %d 0 R /MediaBox [ 0 0 %s ] /Contents %d 0 R "
        b"/Resources << /Font << /F1 %d 0 R >> >> >>" % (tree, box, content, font)
    )


def _font(file: _File, characters: Sequence[str]) -> tuple[int, dict[str, int]]:
    """The font as a composite one (9.7), its code of a character being the glyph's number; character -> that number."""
    options = subset.Options(layout_features=[], hinting=False, notdef_outline=True, name_IDs=[])
    options.drop_tables += _NEEDLESS
    path = findfont(FontProperties(family=[FONT]), fallback_to_default=False)
    with subset.load_font(path, options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=[ord(character) for character in characters])
        subsetter.subset(font)
        named = font.getBestCmap()
        glyphs = {text: font.getGlyphID(named[ord(text)]) if ord(text) in named else 0 for text in characters}
        return _embedded(file, font, glyphs), glyphs


def _embedded(file: _File, font: TTFont, glyphs: dict[str, int]) -> int:
    stream = io.BytesIO()
    font.save(stream)
    program = file.add_stream(stream.getvalue(), b"/Length1 %d " % stream.tell())

    em = int(font["head"].unitsPerEm)

    def scaled(units: int) -> int:
        return round(1000 * units / em)

    widths = " ".join(str(scaled(font["hmtx"][name][0])) for name in font.getGlyphOrder())
    head, line = font["head"], font["hhea"]
    box = " ".join(str(scaled(edge)) for edge in (head.xMin, head.yMin, head.xMax, head.yMax))
    name = f"/{_tag(glyphs)}+{FONT.replace(' ', '')}"
    # Flags: every glyph is equally wide, and there are other characters than Latin ones (9.8.2).
    descriptor = file.add(
        f"<< /Type /FontDescriptor /FontName {name} /Flags 5 /FontBBox [ {box} ] /ItalicAngle 0 /StemV 80 "
        f"/Ascent {scaled(line.ascent)} /Descent {scaled(line.descent)} /CapHeight {scaled(line.ascent)} "
        f"/FontFile2 {program} 0 R >>".encode()
    )
    descendant = file.add(
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont {name} /FontDescriptor {descriptor} 0 R "
        f"/W [ 0 [ {widths} ] ] "
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /CIDToGIDMap /Identity >>".encode()
    )
    unicode = file.add_stream(_unicode_map(glyphs))
    return file.add(
        f"<< /Type /Font /Subtype /Type0 /BaseFont {name} /Encoding /Identity-H /DescendantFonts [ {descendant} 0 R ] "
        f"/ToUnicode {unicode} 0 R >>".encode()
    )


def _tag(glyphs: dict[str, int]) -> str:
    """Six letters that name a subset (9.6.4)."""
    number = zlib.crc32("".join(glyphs).encode("utf-8", "surrogatepass"))
    return "".join(chr(ord("A") + number // 26**place % 26) for place in range(6))


def _unicode_map(glyphs: dict[str, int]) -> bytes:
    """What a reader of PDF takes for the text when it is searched or copied (9.10.3)."""
    known = [(number, text) for text, number in glyphs.items() if number]
    lines = ["/CIDInit /ProcSet findresource begin 12 dict begin begincmap"]
    lines += ["/CMapName /Text def /CMapType 2 def 1 begincodespacerange <0000> <FFFF> endcodespacerange"]
    for start in range(0, len(known), 100):
        block = known[start : start + 100]
        lines.append(f"{len(block)} beginbfchar")
        lines += [f"<{number:04X}> <{text.encode('utf-16-be').hex()}>" for number, text in block]
        lines.append("endbfchar")
    return "\n".join([*lines, "endcmap end end"]).encode()


def _drawn_page(file: _File, tree: int, drawing: bytes) -> int:
    """Copies the page of a PDF as matplotlib writes it, with all that it refers to; the page's number in `file`."""
    table, end = (drawing.rindex(word) for word in (b"xref\n0 ", b"trailer"))
    rows = [row.split() for row in drawing[table:end].splitlines()[2:]]
    places = sorted((int(offset), number) for number, (offset, _, kind) in enumerate(rows) if kind == b"n")
    bodies = {
        number: drawing[start:after].partition(b" obj\n")[2].removesuffix(b"\nendobj\n")
        for (start, number), (after, _) in pairwise([*places, (table, 0)])
    }
    root, info = (_reference(name, drawing[end:]) for name in (b"/Root", b"/Info"))
    old_tree = _reference(b"/Pages", bodies[root])
    page = _reference(rb"/Kids \[", bodies[old_tree])
    # The catalogue, the tree of pages and the description are this document's own.
    numbers = {number: file.reserve() for number in bodies if number not in (root, info, old_tree)}

    def renumbered(match: re.Match[bytes]) -> bytes:
        number = int(match[1])
        return b"%d 0 R" % (tree if number == old_tree else numbers[number])

    for number, new in numbers.items():
        head, stream, data = bodies[number].partition(b"stream\n")
        file.write(new, re.sub(rb"\b(\d+) 0 R\b", renumbered, head) + stream + data)
    return numbers[page]


def _reference(name: bytes, text: bytes) -> int:
    found = re.search(name + rb" (\d+) 0 R", text)
    if found is None:
        raise ValueError(f"This PDF is not of the kind that matplotlib writes: there is no {name.decode()} in it.")
    return int(found[1])
