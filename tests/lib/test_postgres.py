"""The embedded PostgreSQL server: real servers, real kills."""

import contextlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from readerstudy.lib.postgres import EmbeddedPostgres, PostgresError, database_from_environment, ensure_running, places
from tests.lib.helpers import python_environment, wait_for
from tests.typed import present

AS_ROOT = os.geteuid() == 0
# Joins the server of the folder in argv[1], says so, and stays until killed or its input closes.
USER_SCRIPT = """
import sys
from pathlib import Path
from readerstudy.lib.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False)
server.start()
print(server.dsn, flush=True)
sys.stdin.read()
"""


@contextmanager
def started(data: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(data, durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        if not server.places.socket_folder.is_relative_to(data):
            shutil.rmtree(server.places.socket_folder)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[EmbeddedPostgres]:
    """One server for the tests that only look."""
    with tempfile.TemporaryDirectory(prefix="rs-") as path:
        Path(path).chmod(0o711)
        with started(Path(path) / "a folder with spaces" / "postgres") as server:
            yield server


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, to be stopped, killed and spoilt."""
    with started(folder / "postgres") as server:
        yield server


def one(dsn: str, query: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def processes_in(cluster: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(cluster):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def kill_everything_of(server: EmbeddedPostgres) -> None:
    for process in [*keepers_of(server), *processes_in(server.places.cluster)]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    wait_for(lambda: not processes_in(server.places.cluster), seconds=10, what="the end of the killed")


def keepers_of(server: EmbeddedPostgres) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if str(server.places.users_lock) in (p.info["cmdline"] or [])]


def test_it_serves_postgresql_18_in_utf8_and_utc_on_a_path_with_spaces(shared_server: EmbeddedPostgres) -> None:
    assert str(one(shared_server.dsn, "SHOW server_version")).startswith("18.")
    assert one(shared_server.dsn, "SHOW server_encoding") == "UTF8"
    assert one(shared_server.dsn, "SHOW TimeZone") == "UTC"
    assert one(shared_server.dsn, "SELECT datlocale FROM pg_database WHERE datname = current_database()") == "C.UTF-8"
    assert one(shared_server.dsn, "SELECT upper('ä')") == "Ä"


def test_it_listens_on_no_network_and_in_a_folder_of_one_user(shared_server: EmbeddedPostgres) -> None:
    assert one(shared_server.dsn, "SHOW listen_addresses") == ""
    processes = processes_in(shared_server.places.cluster)
    assert processes
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # a server's helpers come and go
            assert process.net_connections(kind="inet") == []
    for private in (shared_server.places.socket_folder, shared_server.places.cluster):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_nobody_else_gets_in_even_by_claiming_the_role(shared_server: EmbeddedPostgres) -> None:
    if not AS_ROOT:
        pytest.skip("another system user can be played by root only")
    # The user that the server runs as can reach the socket: peer authentication must turn even it away.
    runner = shared_server.places.socket_folder.stat()
    psql = places.packaged_binaries() / "bin" / "psql"
    tried = subprocess.run(
        [str(psql), shared_server.dsn, "-c", "SELECT 1"],
        user=runner.st_uid,
        group=runner.st_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode != 0
    assert "Peer authentication failed" in tried.stderr


def test_two_servers_run_side_by_side(shared_server: EmbeddedPostgres, folder: Path) -> None:
    other = EmbeddedPostgres(folder / "other" / "postgres", durable=False)
    other.start()
    try:
        with psycopg.connect(shared_server.dsn) as connection:
            connection.execute("CREATE TABLE only_here ()")
        assert one(shared_server.dsn, "SELECT to_regclass('only_here')") == "only_here"
        assert one(other.dsn, "SELECT to_regclass('only_here')") is None
    finally:
        assert other.stop() is True
    assert shared_server.is_running()


def test_the_data_are_there_after_stop_and_start(shared_server: EmbeddedPostgres) -> None:
    with psycopg.connect(shared_server.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert shared_server.stop() is True
    assert not shared_server.is_running()
    shared_server.start()
    assert one(shared_server.dsn, "SELECT answer FROM kept") == 42


def test_a_server_that_dies_under_its_users_comes_back(folder: Path) -> None:
    server = ensure_running(folder, environ={})
    assert server is not None
    try:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        pid = int((server.places.cluster / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

        def answers() -> bool:
            with suppress(psycopg.OperationalError):
                return one(server.dsn, "SELECT answer FROM kept") == 42
            return False

        wait_for(lambda: not psutil.pid_exists(pid) and answers(), seconds=60, what="the server's return")
    finally:
        server.stop()
    assert not server.is_running()


def test_what_was_committed_is_there_after_kill_9_of_everything(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres")  # durable, as it is by default
    server.start()
    with psycopg.connect(server.dsn) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill_everything_of(server)
    assert not server.is_running()
    fresh = EmbeddedPostgres(folder / "postgres")
    fresh.start()
    try:
        assert one(fresh.dsn, "SELECT answer FROM kept") == 42
        assert one(fresh.dsn, "SHOW fsync") == "on"
    finally:
        fresh.stop()
        server.stop()


def test_a_pid_file_whose_number_a_stranger_now_has_does_not_stop_the_start(server: EmbeddedPostgres) -> None:
    pid_file = server.places.cluster / "postmaster.pid"
    content = pid_file.read_text().split("\n")
    kill_everything_of(server)
    owner = server.places.cluster.stat()
    identity: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if AS_ROOT else {}
    stranger = subprocess.Popen(["/bin/sleep", "60"], **identity)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *content[1:]]))
        assert not server.is_running()
        fresh = EmbeddedPostgres(server.places.folder, durable=False)
        fresh.start()
        assert one(fresh.dsn, "SELECT 1") == 1
        fresh.stop()
        server.stop()
        assert stranger.poll() is None, "a process that only shares a number was ended"
    finally:
        stranger.kill()
        stranger.wait()


def test_processes_starting_at_once_share_one_server_which_ends_with_the_last_of_them(folder: Path) -> None:
    data = folder / "shared" / "postgres"
    users = [
        subprocess.Popen(
            [sys.executable, "-c", USER_SCRIPT, str(data)],
            env=python_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    dsns = {user.stdout.readline().strip() for user in users if user.stdout is not None}
    assert len(dsns) == 1
    assert "host=" in dsns.pop()
    server = EmbeddedPostgres(data, durable=False)
    assert server.is_running()

    first, second, last = users
    first.communicate("")
    second.kill()
    second.communicate()
    time.sleep(0.3)
    assert server.is_running(), "the server left although a process still uses it"
    last.kill()  # -9: no exit handler of ours runs
    last.communicate()
    wait_for(lambda: not server.is_running(), seconds=10, what="the end of a server without users")
    wait_for(lambda: not keepers_of(server), seconds=5, what="the end of its keeper")


def test_stop_leaves_the_server_to_another_process_that_uses_it(shared_server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(shared_server.places.folder, durable=False)
    other.start()
    assert shared_server.stop() is False
    assert other.is_running()
    assert other.stop() is True
    assert not other.is_running()
    shared_server.start()


def test_nothing_outside_the_data_folder_changes_its_mode_or_owner(folder: Path) -> None:
    neighbour = folder / "checkout" / "src"
    neighbour.mkdir(parents=True, mode=0o750)
    (neighbour / "file").touch(mode=0o640)
    data = folder / "checkout" / "var" / "postgres"
    data.parent.mkdir(mode=0o755)
    outside = [*data.parents[:-1], neighbour, neighbour / "file", places.packaged_binaries() / "bin" / "postgres"]

    def marks() -> list[tuple[int, int, int]]:
        return [(p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_gid) for p in outside]

    before = marks()
    server = EmbeddedPostgres(data, durable=False)
    server.start()
    server.stop()
    assert marks() == before


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another user")
def test_under_a_closed_folder_the_cluster_lies_where_its_user_can_reach_it(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    data, external = closed / "var" / "postgres", folder / "external"
    server = EmbeddedPostgres(data, durable=False, external_root=external)
    server.start()
    try:
        assert one(server.dsn, "SELECT 1") == 1
        assert server.places.cluster.is_relative_to(external)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        # The place is remembered, whatever the modes become.
        closed.chmod(0o755)
        assert EmbeddedPostgres(data, external_root=external).is_running()
    finally:
        server.stop()
    copied = folder / "copied" / "postgres"
    shutil.copytree(data, copied)
    with pytest.raises(PostgresError, match="belongs to"):
        EmbeddedPostgres(copied, external_root=external)


@pytest.mark.skipif(not AS_ROOT, reason="only root's server runs as another user")
def test_programs_that_the_server_user_cannot_reach_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = places.packaged_binaries().parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True, ignore=shutil.ignore_patterns("include", "pginstall"))
    monkeypatch.setattr(places, "packaged_binaries", lambda: closed / package.name / "pginstall18")
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    try:
        assert one(server.dsn, "SELECT 1") == 1
        pid = int((server.places.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        assert Path(psutil.Process(pid).exe()).is_relative_to(folder / "postgres")
    finally:
        server.stop()


def test_an_ordinary_user_runs_it_too(folder: Path) -> None:
    if not AS_ROOT:
        pytest.skip("the other tests of this file run as an ordinary user already")
    account = pwd.getpwnam("nobody")
    identity: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [], "cwd": "/"}

    def runs(python: str) -> bool:
        check = f"import sys, psycopg, psutil; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
        try:
            ended = subprocess.run([python, "-c", check], env=python_environment(), check=False, **identity)
        except PermissionError:
            return False
        return ended.returncode == 0

    python = next((path for path in (sys.executable, "/usr/bin/python3") if runs(path)), None)
    if python is None:
        pytest.skip("no Python of this version that an ordinary user can run")
    home = folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, account.pw_uid, account.pw_gid)
    user = subprocess.Popen(
        [python, "-c", USER_SCRIPT, str(home / "var" / "postgres")],
        env=python_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **identity,
    )
    assert "dbname=readerstudy" in present(user.stdout).readline()
    cluster = home / "var" / "postgres" / "data"
    assert cluster.stat().st_uid == account.pw_uid
    user.communicate("")
    wait_for(lambda: not processes_in(cluster), seconds=10, what="the end of the server")


def test_a_socket_folder_that_a_stranger_made_first_is_refused(folder: Path) -> None:
    long_path = folder / ("x" * 100) / "postgres"
    server = EmbeddedPostgres(long_path, durable=False)
    assert len(os.fsencode(server.places.socket_folder)) < 80
    server.places.socket_folder.mkdir(mode=0o777)
    server.places.socket_folder.chmod(0o777)
    try:
        with pytest.raises(PostgresError, match="alone"):
            server.start()
    finally:
        server.places.socket_folder.rmdir()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("PG_VERSION", "17\n", "made by PostgreSQL 17"),
        ("postgresql.auto.conf", "max_connections = 'many'\n", 'end of .*server.log:\n(.*\n)*.*"max_connections"'),
    ],
)
def test_a_cluster_that_cannot_be_used_is_refused_with_the_reason(
    shared_server: EmbeddedPostgres, name: str, content: str, message: str
) -> None:
    path = shared_server.places.cluster / name
    shared_server.stop()
    before = path.read_text()
    path.write_text(content)
    try:
        with pytest.raises(PostgresError, match=message):
            shared_server.start()
    finally:
        path.write_text(before)
        shared_server.start()


def test_asking_for_the_settings_starts_and_makes_nothing(folder: Path) -> None:
    settings = database_from_environment(folder / "var", {})
    assert settings["ENGINE"] == "django.db.backends.postgresql"
    assert list(folder.iterdir()) == []


def test_database_url_wins() -> None:
    url = "postgresql://ann%40x:p%2Fw@db.example:5433/study?sslmode=require"
    assert database_from_environment(Path("/nowhere"), {"DATABASE_URL": url}) == {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "db.example",
        "PORT": "5433",
        "NAME": "study",
        "USER": "ann@x",
        "PASSWORD": "p/w",
        "OPTIONS": {"sslmode": "require"},
    }


@pytest.mark.parametrize(
    "url", ["mysql://u@h/d", "sqlite:///x", "nonsense", "postgresql://host/", "postgresql://h:port/d"]
)
def test_any_other_database_url_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(PostgresError, match="DATABASE_URL must read"):
        database_from_environment(Path("/nowhere"), {"DATABASE_URL": url})


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(shared_server: EmbeddedPostgres) -> None:
    pid = int((shared_server.places.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    assert os.getsid(pid) != os.getsid(0)
    assert all(os.getsid(keeper.pid) != os.getsid(0) for keeper in keepers_of(shared_server))
