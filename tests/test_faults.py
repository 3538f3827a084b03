"""Each input that once failed in silence is named by a test."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent


@pytest.mark.shared_data
def test_every_input_that_once_failed_has_a_test_of_its_own(shared_data_dir: Path) -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py"))
    folders = sorted(path.name for path in (shared_data_dir / "faults").iterdir() if path.is_dir())
    assert len(folders) >= 28
    assert [name for name in folders if name not in sources] == []
