"""Cells as people read them: the one place that makes text of a number, for page, HTML and PDF alike.

A dash stands for what is absent, and minus is a plain hyphen, so that numbers copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from analysis.sections.section import Column, Interval, Kind

if TYPE_CHECKING:
    from analysis.sections.section import AnyColumn, Row

ABSENT = "–"
ALL = "all"
_POOLED = {"target": "all targets", "reader": "all readers", "arm": "all arms", "readers": "all readers"}
_SMALLEST_P = 0.001
_LIMIT = 0.05
_MOST_DECIMALS = 6


def shown(column: AnyColumn, row: Row) -> str:
    """What a row has in this column, as text."""
    if isinstance(column, Interval):
        return interval(column, row[column.low], row[column.high])
    return cell(column, row[column.name])


def cell(column: Column, value: Any) -> str:
    """A value of this column as text."""
    if value is None or value == "":
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _POOLED.get(column.name, value) if value == ALL else value
    return _number(column, value)


def interval(column: Interval, low: float | None, high: float | None) -> str:
    """An interval, low to high."""
    if low is None or high is None:
        return ABSENT
    return f"{_number(column, low)} to {_number(column, high)}"


def p_value(value: float) -> str:
    """A p-value under a heading that says so: .022, < .001; more decimals where three would not tell it from .05."""
    if value < _SMALLEST_P:
        return "< .001"
    decimals = 3
    while value != _LIMIT and float(f"{value:.{decimals}f}") == _LIMIT and decimals < _MOST_DECIMALS:
        decimals += 1
    return f"{value:.{decimals}f}".removeprefix("0")


def p_words(value: float) -> str:
    """A p-value in a sentence: p = .022, p < .001."""
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def fixed(value: float, decimals: int, *, signed: bool = False) -> str:
    """A number with so many decimals, `signed` with its + or -; what rounds to 0 has no sign."""
    rounded = round(value, decimals) + 0.0
    return f"{rounded:{'+' if signed and rounded else ''}.{decimals}f}"


def _number(column: AnyColumn, value: float) -> str:
    if column.kind is Kind.P:
        return p_value(value)
    return fixed(value, column.decimals, signed=column.signed) if column.kind is Kind.FIXED else _plain(value)


def _plain(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1e9:
        return str(int(value))
    return f"{value:.4f}".rstrip("0") if 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"
