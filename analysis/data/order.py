"""Orders that do not depend on the order of rows: names with numbers sort as people expect (case 2 before case 10)."""

import re
from collections.abc import Container, Iterable

_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Sort key under which runs of digits compare as numbers; the name itself breaks ties such as 01 and 1."""
    parts = _DIGITS.split(name)
    # Every part is (kind, number, text): digits before letters, and never a comparison of int with str.
    key = tuple((0, int(part), "") if index % 2 else (1, 0, part.casefold()) for index, part in enumerate(parts))
    return key, name


def natural_order(names: Iterable[str]) -> list[str]:
    """The distinct names in natural order."""
    return sorted(set(names), key=natural_key)


def slug(name: str) -> str:
    """A name for files made of lower-case letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "unnamed"


def distinct(wanted: str, taken: Container[str], *, joint: str = "_") -> str:
    """The wanted name or, where that is taken, the first of it with a number from 2 that is not."""
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}{joint}{number}", number + 1
    return name


def unique_slugs(names: Iterable[str]) -> dict[str, str]:
    """One distinct slug per name: two questions with similar keys must not overwrite each other's files."""
    slugs: dict[str, str] = {}
    for name in names:
        slugs[name] = distinct(slug(name), slugs.values())
    return slugs
