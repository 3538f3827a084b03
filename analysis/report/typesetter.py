"""The typesetter that makes PDF: Typst, with its own fonts and matplotlib's, the same bytes for the same input."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import matplotlib as mpl
import typst

_FIGURE = b'#set page(width: auto, height: auto, margin: 0pt)\n#set document(date: none)\n#image("figure.svg")\n'


def typeset(template: bytes, files: Mapping[str, bytes], inputs: Mapping[str, str]) -> bytes:
    """The PDF of a template that reads these files and inputs, and nothing else.

    Letters that neither the typesetter's own fonts nor matplotlib's have are taken from the machine's fonts, where it
    has them; elsewhere they are empty boxes.
    """
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        compiler = typst.Compiler(template, root=folder, font_paths=_fonts(), sys_inputs=dict(inputs))
        made = compiler.compile(format="pdf", timestamp=0)
    if not isinstance(made, bytes):
        raise TypeError("The typesetter gave no file.")
    return made


def figure_pdf(svg: bytes) -> bytes:
    """An SVG whose text is text as a PDF of its size, with the fonts embedded."""
    return typeset(_FIGURE, {"figure.svg": svg}, {})


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=True, font_paths=[str(Path(mpl.get_data_path()) / "fonts" / "ttf")])
