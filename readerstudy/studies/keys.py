"""Names that stand for one thing: which of them differ only as a spreadsheet or a person's habit makes them differ."""

import re
from collections import defaultdict
from collections.abc import Iterable

_LEADING_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")
_DECIMAL_OF_A_WHOLE = re.compile(r"^(\d+)\.0+$")


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that differ only by case, by leading zeros or by `.0`: `p1` and `P1`, `007` and `7`."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        groups[_plain(name)].append(name)
    return [tuple(sorted(group)) for group in groups.values() if len(group) > 1]


def _plain(name: str) -> str:
    return _LEADING_ZEROS.sub("", _DECIMAL_OF_A_WHOLE.sub(r"\1", name.casefold()))
