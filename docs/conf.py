"""The documentation as a site, by `make docs`: a broken link, a missing anchor and a page that no index lists fail it.

Sources are the whole checkout, so that README and model cards are pages too, and links lead to the same as on a forge.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "Reader study"
version = release = _PROJECT["version"]
html_title = f"{project} {version}"
language = "en"
extensions = ["myst_parser"]
include_patterns = ["*.md", "docs/**", "explainer/models/*/MODEL_CARD.md"]
exclude_patterns = [".*", "build", "var", "node_modules"]
root_doc = "docs/index"
html_extra_path = ["site"]
myst_heading_anchors = 4  # headings have the anchors that they have on a forge
html_theme = "furo"  # its fonts, styles and scripts are its own: the site asks no other host for anything
html_copy_source = False
html_show_copyright = False


def contents(_app: Sphinx, page: str, source: list[str]) -> None:
    """Make an index's links its table of contents, by heading, so that its text is plain Markdown and the only list.

    A page that no index links is in no table of contents, of which Sphinx warns; `make docs` takes warnings for errors.
    """
    if page.rpartition("/")[2] != "index":
        return
    for section in re.split(r"^(?=## )", source[0], flags=re.MULTILINE):
        heading = re.match(r"## (.+)", section)
        pages = re.findall(r"^- \[[^]]+\]\(([^)]+)\.md\)", section, flags=re.MULTILINE)
        caption = f":caption: {heading[1]}\n" if heading else ""
        if pages:
            source[0] += f"\n```{{toctree}}\n:hidden:\n{caption}\n" + "\n".join(pages) + "\n```\n"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", contents)
