"""What tests of the results share: an empty cache, since reports are kept across requests, and exports without one."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a study that is too large for a report, which takes seconds: for tests of the other files."""
    monkeypatch.setattr("readerstudy.results.exports.REPORT_ANSWERS", -1)
