"""Runs a handful of named processes together: all of them, or none, and nothing left behind.

Each child leads a process group of its own and writes to its own log file. When the supervisor ends, in whatever way,
its children end: each leader gets SIGTERM, so that it can finish in order with its own children (a worker its task);
after a grace time whatever is left of its group gets SIGKILL. Where the supervisor itself is killed with -9, a small
guard process beside each child notices that its pipe is closed and does the same.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

GRACE_SECONDS = 15.0
# How often a process is asked whether it works, and for how long it may not: it starts, or the machine is busy.
PROBE_SECONDS = 5.0
PATIENCE_SECONDS = 90.0
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 15


class ProcessError(Exception):
    """A process ended that had to stay, or could not be started."""


@dataclass(frozen=True)
class Command:
    """A process to run: its name (also that of its log), its arguments, and what its environment adds.

    `restarts` is how often a process that ends by itself is started again, with a word to the user. `works` tells
    whether the process does its work; one that is there and does not work, for a while, is ended and started again.
    """

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    restarts: int = 0
    works: Callable[[], bool] | None = None


class Supervisor:
    """Starts processes and ends them all; a context manager."""

    def __init__(
        self,
        log_folder: Path,
        *,
        grace_seconds: float = GRACE_SECONDS,
        probe_seconds: float = PROBE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._log_folder = log_folder
        self._probe_seconds = probe_seconds
        self._patience_seconds = patience_seconds
        self._worked_at: dict[str, float] = {}
        self._probed_at = 0.0
        self._grace_seconds = grace_seconds
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, Command] = {}
        self._restarts: Counter[str] = Counter()
        self._guards: list[subprocess.Popen[bytes]] = []
        self._stopped = threading.Event()

    def start(self, command: Command) -> int:
        """Start a process and return its id; its output goes to NAME.log in the log folder."""
        if command.name in self._children:
            message = f"There already is a process {command.name!r}."
            raise ProcessError(message)
        self._commands[command.name] = command
        return self._spawn(command)

    def _spawn(self, command: Command) -> int:
        self._log_folder.mkdir(parents=True, exist_ok=True)
        with self.log_path(command.name).open("ab") as log:
            try:
                child = subprocess.Popen(
                    command.arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **command.environment},
                    start_new_session=True,  # Ctrl-C reaches us alone, and we end them in order
                )
            except OSError as error:
                message = f"{command.name} cannot be started: {error}"
                raise ProcessError(message) from error
        self._children[command.name] = child
        self._worked_at[command.name] = time.monotonic()
        self._guards.append(_start_guard(child.pid, self._grace_seconds))
        return child.pid

    def log_path(self, name: str) -> Path:
        """Where a process's output goes."""
        return self._log_folder / f"{name}.log"

    def check(self) -> None:
        """Start again, with a word about it, what ended or stands still; raise where it has used up its restarts."""
        self._end_what_stands_still()
        for name, child in list(self._children.items()):
            code = child.poll()
            if code is None or self._stopped.is_set():
                continue
            if self._restarts[name] == self._commands[name].restarts:
                message = f"{name} ended with status {code}. The end of {self.log_path(name)}:\n{self.tail(name)}"
                raise ProcessError(message)
            self._restarts[name] += 1
            print(f"{name} ended with status {code}; starting it again.", file=sys.stderr, flush=True)
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # what it may have left behind
            self._spawn(self._commands[name])

    def _end_what_stands_still(self) -> None:
        now = time.monotonic()
        if now - self._probed_at < self._probe_seconds:
            return
        if now - self._probed_at > self._patience_seconds:  # nobody asked for so long: no silence to count from
            self._worked_at = dict.fromkeys(self._children, now)
        self._probed_at = now
        for name, child in self._children.items():
            works = self._commands[name].works
            if works is None or works():
                self._worked_at[name] = time.monotonic()
            elif now - self._worked_at[name] > self._patience_seconds and child.poll() is None:
                print(f"{name} stands still; it is ended.", file=sys.stderr, flush=True)
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()

    def tail(self, name: str, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines that a process wrote."""
        return "\n".join(self.log_path(name).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], *, seconds: float, what: str) -> bool:
        """Wait for something that the processes bring about; False when asked to stop meanwhile."""
        deadline = time.monotonic() + seconds
        while not self._stopped.is_set():
            if ready():
                return True
            self.check()
            if time.monotonic() > deadline:
                message = f"{what} is not there after {seconds:.0f} s; see the logs in {self._log_folder}."
                raise ProcessError(message)
            self._stopped.wait(POLL_SECONDS)
        return False

    def run(self) -> None:
        """Stay until SIGINT, SIGTERM or `request_stop`; raise as soon as a process ends by itself."""
        while not self._stopped.wait(POLL_SECONDS * 4):
            self.check()

    def request_stop(self) -> None:
        """Make `run` and `wait_until` return; safe in a signal handler."""
        self._stopped.set()

    def handle_signals(self) -> None:
        """Stop on SIGINT and SIGTERM; from the main thread."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self.request_stop()

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)

    def stop(self) -> None:
        """End every process group, gently and then by force; returns when all are gone."""
        self._stopped.set()
        children = list(self._children.values())
        for child in children:
            child.terminate()
        deadline = time.monotonic() + self._grace_seconds
        while any(child.poll() is None for child in children) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        for child in children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # also of a leader that went: its own children may be left
            child.wait()
        for guard in self._guards:
            guard.kill()  # before its pipe closes: there is nothing left for it to end
            guard.communicate()
        self._children.clear()
        self._guards.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port(preferred: int = 8000, *, host: str = "127.0.0.1", tries: int = 100) -> int:
    """Return the first free TCP port from `preferred` on."""
    for port in range(preferred, preferred + tries):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((host, port))
                return port
    message = f"No free port on {host} from {preferred} to {preferred + tries - 1}."
    raise ProcessError(message)


def answers(port: int, *, host: str = "127.0.0.1") -> bool:
    """Tell whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, port)) == 0


def serves(port: int, *, host: str = "127.0.0.1") -> bool:
    """Tell whether a web server there answers requests: a stopped one still accepts connections."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


# Reads until its standard input closes, which it does only when the supervisor ends. Then ends the child and its group.
# Its own session, so that what kills the supervisor's group does not kill it too.
_GUARD = """
import os, signal, sys, time
group, grace = int(sys.argv[1]), float(sys.argv[2])
sys.stdin.buffer.read()
deadline = time.monotonic() + grace
try:
    os.kill(group, signal.SIGTERM)
    while time.monotonic() < deadline:
        time.sleep(0.1)
        os.kill(group, 0)
except ProcessLookupError:
    pass
try:
    os.killpg(group, signal.SIGKILL)
except ProcessLookupError:
    pass
"""


def _start_guard(group: int, grace_seconds: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _GUARD, str(group), str(grace_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
