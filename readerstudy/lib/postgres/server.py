"""One embedded PostgreSQL server: started on demand, shared by every process that needs it, stopped by the last one."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psutil
import psycopg
from psycopg import sql

from readerstudy.lib.postgres import keeper, places
from readerstudy.lib.postgres.errors import PostgresError

DATABASE = "readerstudy"
ROLE = "readerstudy"
START_SECONDS = 120.0  # recovery after a crash replays the log first
LOG_LIMIT = 10_000_000
POLL_SECONDS = 0.03


class EmbeddedPostgres:
    """The server of one data folder.

    `start()` joins a running server or starts it, and counts this process among its users until `stop()` or the
    process's end. The server stops when its last user is gone, even by kill -9.
    `durable=False` trades safety after a power cut for speed; for tests only.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True, external_root: Path = places.EXTERNAL_ROOT) -> None:
        self.durable = durable
        self._user = places.server_user()
        self.places = places.locate(data_dir, self._user, external_root)
        self._using: IO[str] | None = None

    @property
    def dsn(self) -> str:
        """Connection string in libpq's key=value form."""
        host = str(self.places.socket_folder)
        return psycopg.conninfo.make_conninfo(host=host, port=places.PORT, dbname=DATABASE, user=ROLE)

    def django_database(self) -> dict[str, Any]:
        """Django's settings of this database; asking for them starts nothing."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": str(self.places.socket_folder),
            "PORT": str(places.PORT),
            "NAME": DATABASE,
            "USER": ROLE,
            "PASSWORD": "",
        }

    def is_running(self) -> bool:
        """Tell whether this cluster's postmaster lives (not merely some process that got its old number)."""
        try:
            return keeper.postmaster(self.places.cluster) is not None
        except PermissionError as error:
            message = f"{self.places.cluster} is closed to {self._user.client}. {places.OTHER_PLACE}"
            raise PostgresError(message) from error

    def start(self) -> None:
        """Use the server, starting it where it does not run; returns when it accepts connections."""
        if self._using is not None:
            return
        places.prepare(self.places, self._user)
        users = self._open_lock(self.places.users_lock)
        try:
            fcntl.flock(users, fcntl.LOCK_SH)  # waits while a keeper is stopping the server
            with self._starting():
                if not self.is_running():
                    self._launch()
                self._ensure_keeper()
                self._ensure_database()
        except BaseException:
            users.close()
            raise
        self._using = users

    @property
    def in_use(self) -> bool:
        """Whether this process counts among the server's users."""
        return self._using is not None

    def revive(self) -> bool:
        """Start the server again where it died under its users (kill -9, no memory); True when this call did it."""
        if not self.in_use or self.is_running():
            return False
        with self._starting():
            if not self.in_use or self.is_running():
                return False  # somebody else was first, or it is wanted no more
            self._launch()
            self._ensure_keeper()
        return True

    def stop(self) -> bool:
        """Stop using the server; True when it is down, False when other processes keep it up."""
        if self._using is not None:
            self._using.close()
            self._using = None
        if not self.places.users_lock.exists():
            return True
        with self._open_lock(self.places.users_lock) as users:
            while True:
                if _try_lock(users, fcntl.LOCK_EX):
                    if self.is_running() and not keeper.stop_server(self.places.cluster):
                        message = f"PostgreSQL in {self.places.cluster} does not stop; see {self.places.log}."
                        raise PostgresError(message)
                    return True
                if _try_lock(users, fcntl.LOCK_SH):
                    return False
                time.sleep(POLL_SECONDS)  # the keeper has it, and is stopping the server

    @contextmanager
    def _starting(self) -> Iterator[None]:
        with self._open_lock(self.places.start_lock) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _open_lock(self, path: Path) -> IO[str]:
        try:
            return path.open("a", encoding="utf-8")
        except PermissionError as error:
            message = f"{path} is closed to {self._user.client}. {places.OTHER_PLACE}"
            raise PostgresError(message) from error

    def _launch(self) -> None:
        binaries = places.usable_binaries(self.places, self._user) / "bin"
        if not self.places.cluster.is_dir():
            self._create_cluster(binaries)
        version = (self.places.cluster / "PG_VERSION").read_text(encoding="utf-8").strip()
        if version != places.MAJOR_VERSION:
            message = (
                f"{self.places.cluster} was made by PostgreSQL {version}; this is {places.MAJOR_VERSION}. Dump it with "
                "the old version and restore it with the new one."
            )
            raise PostgresError(message)
        self._write_configuration()
        self._clear_remains()
        if self.places.log.exists() and self.places.log.stat().st_size > LOG_LIMIT:
            self.places.log.replace(self.places.log.with_suffix(".log.1"))
        with self.places.log.open("a", encoding="utf-8") as log:
            self.places.log.chmod(0o600)  # its error messages may quote data
            # The shell's child belongs to init, and its session is its own: Ctrl-C in a terminal does not reach it.
            script = '"$@" </dev/null >&2 & echo $!'
            started = self._user.run(
                ["/bin/sh", "-c", script, "sh", str(binaries / "postgres"), "-D", str(self.places.cluster)],
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._await_ready(int(started.stdout))

    def _create_cluster(self, binaries: Path) -> None:
        """Make the cluster under another name first: an interrupted initdb must not look like a cluster."""
        for old in self.places.home.glob("unfinished-*"):
            shutil.rmtree(old)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=self.places.home))
        if self._user.switch:
            os.chown(unfinished, self._user.uid, self._user.gid)
        command = [str(binaries / "initdb"), "-D", str(unfinished), "-U", ROLE, "--no-instructions"]
        command += ["--auth-local=peer", "--auth-host=reject"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += [] if self.durable else ["--no-sync"]
        made = self._user.run(command, capture_output=True)
        if made.returncode:
            shutil.rmtree(unfinished)
            message = f"initdb failed in {self.places.home}: {made.stderr.strip()}"
            raise PostgresError(message)
        # Written in place, so that the files stay the server user's.
        (unfinished / "pg_hba.conf").write_text(f"local all {ROLE} peer map=owner\n", encoding="utf-8")
        (unfinished / "pg_ident.conf").write_text(f'owner "{self._user.client}" {ROLE}\n', encoding="utf-8")
        with (unfinished / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude 'readerstudy.conf'  # written at every start\n")
        unfinished.rename(self.places.cluster)

    def _write_configuration(self) -> None:
        on = "on" if self.durable else "off"
        lines = [
            "listen_addresses = ''",
            f"unix_socket_directories = '{self.places.socket_folder}'",
            "unix_socket_permissions = 0700",
            f"port = {places.PORT}",
            "max_connections = 100",
            "timezone = 'UTC'",
            "log_timezone = 'UTC'",
            "logging_collector = off",
            *(f"{name} = {on}" for name in ("fsync", "synchronous_commit", "full_page_writes")),
        ]
        path = self.places.cluster / "readerstudy.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if self._user.switch:
            os.chown(path, self._user.uid, self._user.gid)

    def _clear_remains(self) -> None:
        """After a kill -9: wait for orphaned backends, and drop lock files whose number another process now has."""
        deadline = time.monotonic() + START_SECONDS
        while any(keeper.works_in(pid, self.places.cluster) for pid in psutil.pids()):
            if time.monotonic() > deadline:
                message = (
                    f"Processes of an earlier server still work in {self.places.cluster}. End them, then try again."
                )
                raise PostgresError(message)
            time.sleep(POLL_SECONDS)
        # PostgreSQL would take any living process of its user with that number for the old server, and refuse.
        (self.places.cluster / "postmaster.pid").unlink(missing_ok=True)
        for remains in self.places.socket_folder.glob(".s.PGSQL.*"):
            remains.unlink()

    def _await_ready(self, pid: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                self._connect("postgres").close()
            except psycopg.OperationalError as error:
                if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                    lines = self.places.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:]
                    message = "\n".join([f"PostgreSQL did not start. The end of {self.places.log}:", *lines])
                    raise PostgresError(message) from error
                time.sleep(POLL_SECONDS)
            else:
                return
        message = f"PostgreSQL takes more than {START_SECONDS:.0f} s to start; see {self.places.log}."
        raise PostgresError(message)

    def _ensure_keeper(self) -> None:
        with self._open_lock(self.places.folder / "keeper.lock") as lock:
            absent = _try_lock(lock, fcntl.LOCK_EX)
        if absent:
            arguments = [keeper.__file__, str(self.places.cluster), str(self.places.users_lock)]
            null = subprocess.DEVNULL
            subprocess.run(
                [sys.executable, "-P", *arguments], cwd="/", check=True, stdin=null, stdout=null, stderr=null
            )

    def _ensure_database(self) -> None:
        with self._connect("postgres") as connection:
            connection.autocommit = True
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))

    def _connect(self, database: str) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.dsn, dbname=database, connect_timeout=10)


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
