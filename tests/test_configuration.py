"""docs/configuration.md names every environment variable that the code reads, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_CALL = re.compile(
    r"""(?:environ(?:\.get|\.setdefault)?[\[(]|_flag\(|_words\(|_list\(|_positive_seconds\(\s*environ,|_seconds\(\s*environ,|seconds_of\()"""
    r"""\s*["']([A-Z][A-Z_]+)["']"""
)
_NAMED = re.compile(r"""[A-Z_]*VARIABLE = ["']([A-Z_]+)["']""")
#: Set for other programs, by them, or only in development; nobody who installs the application sets them.
NOT_OURS = {
    "DJANGO_SETTINGS_MODULE", "OMP_WAIT_POLICY", "STATIC_ROOT", "PYTHONPATH",
    "CELERY_LOG_LEVEL", "CELERY_LOG_FILE", "CELERY_LOG_REDIRECT", "CELERY_LOG_REDIRECT_LEVEL",
}  # fmt: skip


def read_by_the_code() -> set[str]:
    sources = [path for folder in ("readerstudy", "explainer", "analysis") for path in (ROOT / folder).rglob("*.py")]
    return {
        name
        for path in sources
        for pattern in (_CALL, _NAMED)
        for name in pattern.findall(path.read_text(encoding="utf-8"))
    }


def test_every_variable_stands_in_the_table() -> None:
    table = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", table, flags=re.MULTILINE))
    found = read_by_the_code()
    assert len(found) > 15  # the patterns above still find them
    assert found - NOT_OURS == documented
