"""Folders for tests of real servers and processes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from readerstudy.lib.postgres import EmbeddedPostgres


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may pass through: pytest's own is closed to the user of root's server."""
    path = Path(tempfile.mkdtemp(prefix="rs-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """A server of the module's own."""
    with tempfile.TemporaryDirectory(prefix="rs-") as path:
        Path(path).chmod(0o711)
        server = EmbeddedPostgres(Path(path) / "postgres", durable=False)
        server.start()
        yield server
        server.stop()
