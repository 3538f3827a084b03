"""A report as one document for people: report.html, which needs no other file, and report.pdf in numbered pages."""

from __future__ import annotations

import base64
import html
import re
import textwrap
from typing import TYPE_CHECKING, Any

from analysis.report.cells import ABSENT
from analysis.report.documents.pdf import pdf_document
from analysis.sections import power, treatments
from analysis.sections.catalogue import REPORT, tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2.5rem;border-top:1px solid #ccc;padding-top:1rem}
h3{font-size:1.05rem;margin-bottom:.2rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.8rem;font-variant-numeric:tabular-nums}
th,td{padding:.2rem .5rem;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}
th{border-bottom:2px solid #222;text-align:right}.t{text-align:left}
figure{margin:1.5rem 0}figure img{max-width:100%;height:auto}figcaption,.note{color:#555;font-size:.85rem}
code{font-size:.85em;overflow-wrap:anywhere}details{margin:1rem 0}
@media print{.scroll{overflow:visible}table{font-size:.6rem}h2,h3{break-after:avoid}tr,figure{break-inside:avoid}}
"""
_LINE, _LINES = 185, 58
# Longer tables stand in their CSV file; a page that nobody turns to helps nobody.
PDF_ROWS = 110
HTML_ROWS = 400


_SECTIONS = (*treatments.SECTIONS, power.SIMULATED, power.SECTION, *REPORT)
_TABLES = tables(_SECTIONS)
_HEADINGS = {column.name: column.heading for table in _TABLES.values() for column in table.known}


def heading(name: str) -> str:
    return _TABLES[name].title


def explained(name: str) -> str:
    return _TABLES[name].about


def convention(name: str, contrast: str | None) -> str:
    return _TABLES[name].convention(contrast)


def column(name: str) -> str:
    return _HEADINGS.get(name, name)


def caption(figure: str) -> tuple[str, str]:
    of = next(one for section in _SECTIONS for one in section.figures if one.draws(figure))
    return of.caption, of.table.name


def show(value: object) -> str:
    """A cell for people: four significant digits, a dash for what could not be had."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e6:
            return str(int(value))
        return f"{value:.4g}"
    return str(value)


def html_text(
    title: str,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    svgs: Mapping[str, bytes],
    methods: str,
    messages: Sequence[str],
    contrast: str | None = None,
) -> str:
    """The whole report as one page without scripts or requests; `tables` are plain rows, figures are inside it."""
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if messages:
        notes = "".join(f"<li>{html.escape(message)}</li>" for message in messages)
        parts.append(f'<h2 id="notes">Notes on these data</h2><ul>{notes}</ul>')
    names = [name for name in tables if tables[name]]
    links = "".join(f'<li><a href="#{html.escape(name)}">{html.escape(heading(name))}</a></li>' for name in names)
    parts.append(f'<h2>Tables</h2><ul>{links}<li><a href="#methods">Methods and options</a></li></ul>')
    for name in names:
        parts.append(_html_table(name, tables[name], contrast))
        parts += [_html_figure(figure, svgs[figure]) for figure in svgs if caption(figure)[1] == name]
    rest = [figure for figure in svgs if caption(figure)[1] not in names]
    parts += [_html_figure(figure, svgs[figure]) for figure in rest]
    empty = [name for name in tables if not tables[name]]
    if empty:
        parts.append(f'<p class="note">Empty tables: {html.escape(", ".join(empty))}.</p>')
    parts.append(f'<section id="methods">{_markdown(methods)}</section>')
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; style-src '
        f"'unsafe-inline'\"><title>{html.escape(title)}</title><style>{_STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def pdf_bytes(
    title: str,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    figures: Mapping[str, bytes],
    methods: str,
    contrast: str | None = None,
) -> bytes:
    """The report in pages: methods and options, tables (long ones cut, with a note), and every figure on its page.

    `figures` are the figures' own PDF files.
    """
    lines = [title, ""]
    for line in methods.splitlines():
        paragraph = line.lstrip("# ").upper() if line.startswith("#") else line.replace("`", "")
        lines += textwrap.wrap(paragraph, 150, subsequent_indent="  " if paragraph.startswith("- ") else "") or [""]
    blocks = [lines[start : start + _LINES] for start in range(0, len(lines), _LINES)]
    page: list[str] = []
    for name, rows in tables.items():
        for block in _text_table(name, rows, contrast):
            if page and len(page) + len(block) + 2 > _LINES:
                blocks.append(page)
                page = []
            page += ([""] * 2 if page else []) + block
    blocks += [page] if page else []
    return pdf_document(title, blocks, list(figures.values()))


def _text_table(name: str, rows: Sequence[Mapping[str, Any]], contrast: str | None) -> list[list[str]]:
    """Blocks of lines, each with heading and header; a wide table continues below with its text columns repeated."""
    title = heading(name)
    if not rows:
        return [[f"{title} ({name}): none."]]
    shown = [{key: show(value)[:40] for key, value in row.items()} for row in rows[:PDF_ROWS]]
    widths = {key: max(len(key), *(len(row[key]) for row in shown)) for key in shown[0]}
    left = [key for key in widths if all(row[key] is None or isinstance(row[key], str) for row in rows)]
    groups: list[list[str]] = []
    for key in widths:
        if not groups or sum(widths[other] + 2 for other in [*groups[-1], key]) > _LINE:
            groups.append([other for other in left[:4] if list(widths).index(other) < list(widths).index(key)])
        groups[-1].append(key)
    blocks = []
    for number, group in enumerate(groups):
        head = f"{title} ({name})" + (", continued" if number else f". {_about(name, contrast)}")
        header = "  ".join(_aligned(key, widths[key], left=key in left) for key in group)
        body = ["  ".join(_aligned(row[key], widths[key], left=key in left) for key in group) for row in shown]
        for start in range(0, len(body), _LINES - 6):
            part = body[start : start + _LINES - 6]
            blocks.append([head, "", header, "-" * len(header), *part])
    if len(rows) > PDF_ROWS:
        blocks[-1].append(f"... and {len(rows) - PDF_ROWS} more rows in {name}.csv")
    return blocks


def _aligned(text: str, width: int, *, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)


def _about(name: str, contrast: str | None) -> str:
    return " ".join(filter(None, (explained(name), convention(name, contrast))))


def _html_table(name: str, rows: Sequence[Mapping[str, Any]], contrast: str | None) -> str:
    columns = list(rows[0])
    text = {key for key in columns if all(row[key] is None or isinstance(row[key], str) for row in rows)}

    def cell(tag: str, key: str, value: str) -> str:
        return f"<{tag}{' class=t' if key in text else ''}>{html.escape(value)}</{tag}>"

    header = "".join(cell("th", key, column(key)) for key in columns)
    body = "".join(
        "<tr>" + "".join(cell("td", key, show(row[key])) for key in columns) + "</tr>" for row in rows[:HTML_ROWS]
    )
    more = f" The first {HTML_ROWS} of {len(rows)} rows." if len(rows) > HTML_ROWS else ""
    note = html.escape(f"{_about(name, contrast)}{more} In full: {name}.csv.")
    return (
        f'<h2 id="{html.escape(name)}">{html.escape(heading(name))}</h2><p class="note">{note}</p>'
        f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _html_figure(name: str, svg: bytes) -> str:
    data = base64.b64encode(svg).decode()
    words = html.escape(f"{caption(name)[0]} {name}.svg, {name}.pdf.")
    return (
        f'<figure><img alt="{html.escape(caption(name)[0])}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )


def _markdown(text: str) -> str:
    """The few things that methods.md uses: headings, paragraphs, lists and code."""
    parts = []
    for block in text.strip().split("\n\n"):
        written = re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(block))
        if match := re.match(r"(#+) (.*)", written):
            level = min(len(match.group(1)) + 1, 4)
            parts.append(f"<h{level}>{match.group(2)}</h{level}>")
        elif written.startswith("- "):
            items = "".join(f"<li>{item.removeprefix('- ')}</li>" for item in written.split("\n"))
            parts.append(f"<ul>{items}</ul>")
        else:
            parts.append(f"<p>{written}</p>")
    return "\n".join(parts)
