"""What every test shares: the database server, a media folder per test, and when a test is skipped."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from readerstudy.lib.postgres import EmbeddedPostgres
from readerstudy.lib.postgres.configuration import FOLDER

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


# The same examples in every run, however slow the machine is at the moment.
settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what this machine cannot run; in CI nothing may be skipped, since everything is installed there."""
    if SHARED_DATA.is_dir():
        return
    for item in items:
        if item.get_closest_marker("shared_data"):
            item.add_marker(pytest.mark.skip(reason=f"no real data at {SHARED_DATA}"))


@pytest.fixture(scope="session")
def shared_data_dir() -> Path:
    """The folder of real data beside the project; only for tests marked `shared_data`."""
    return SHARED_DATA


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """The tests' own embedded server (not durable: nothing there is worth a disk's flush), or DATABASE_URL's."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    server = EmbeddedPostgres(Path(os.environ["READERSTUDY_DATA"]) / FOLDER, durable=False)
    server.start()
    yield
    server.stop()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """Lets a transactional test empty append-only tables; at the end, ends what still uses the database."""
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET readerstudy.allow_truncate = 'on'")
        connection.close()
    yield
    # A thread of the live server may still answer the last request of a browser that has been closed. A test may have
    # ended the connection that is at hand.
    connection.close()
    with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.close()


@pytest.fixture(autouse=True)
def media_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path | None]:
    """A media folder of its own for every test that uses the database."""
    uses = {"db", "transactional_db", "live_server"} & set(request.fixturenames)
    if not uses and request.node.get_closest_marker("django_db") is None:
        yield None
        return
    from django.test import override_settings

    folder = tmp_path_factory.mktemp("media")
    with override_settings(MEDIA_ROOT=folder):
        yield folder


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks: Callable[..., object]) -> Callable[..., object]:
    """Runs what a service put off until its transaction commits."""
    return django_capture_on_commit_callbacks


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
