"""The supervisor: everything that it starts ends with it, in whatever way it ends."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from readerstudy.lib.processes import Command, ProcessError, Supervisor, answers, free_port, serves
from tests.lib.helpers import python_environment, wait_for

# A child with a child of its own; both write their numbers into the file in argv[1] and ignore SIGTERM on request.
FAMILY = """
import os, signal, sys, time
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
with open(sys.argv[1], "a") as file:
    print(os.getpid(), file=file)
print("out of the family", flush=True)
time.sleep(60)
"""
# A supervisor as a command has it: runs until told to stop.
SUPERVISOR = f"""
import sys
from pathlib import Path
from readerstudy.lib.processes import Command, Supervisor
folder = Path(sys.argv[1])
with Supervisor(folder / "log", grace_seconds=1) as supervisor:
    supervisor.handle_signals()
    supervisor.start(Command("family", [sys.executable, "-c", {FAMILY!r}, str(folder / "family"), sys.argv[2]], {{}}))
    supervisor.run()
"""


def family_of(folder: Path) -> list[int]:
    path = folder / "family"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("manner", ["obedient", "stubborn"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_the_supervisor_ends_its_processes_and_their_children_end(
    tmp_path: Path, how: signal.Signals, manner: str
) -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(tmp_path), manner], env=python_environment())
    wait_for(lambda: len(family_of(tmp_path)) == 2, seconds=20, what="the start of parent and child")
    supervisor.send_signal(how)
    supervisor.wait(20)
    wait_for(lambda: not any(alive(pid) for pid in family_of(tmp_path)), seconds=10, what="the end of the family")


def test_output_goes_to_a_log_of_each_process(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        for name in ("web", "worker"):
            supervisor.start(
                Command(name, ["/bin/sh", "-c", f"echo I am the {name}, $WHO; sleep 60"], {"WHO": "hello"})
            )
        supervisor.wait_until(
            lambda: all("hello" in supervisor.log_path(name).read_text() for name in ("web", "worker")),
            seconds=10,
            what="the output",
        )
    assert (tmp_path / "web.log").read_text() == "I am the web, hello\n"


def test_a_process_that_ends_by_itself_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Command("worker", ["/bin/sh", "-c", "echo no such queue; exit 3"], {}))
        with pytest.raises(ProcessError, match=r"worker ended with status 3[\s\S]*no such queue"):
            supervisor.run()


def test_a_process_that_stands_still_is_ended_and_started_again(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    script = "import http.server as h; h.HTTPServer(('127.0.0.1', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    port = free_port(18000)
    command = [sys.executable, "-c", script.format(port=port)]
    with Supervisor(tmp_path, probe_seconds=0.2, patience_seconds=6) as supervisor:
        first = supervisor.start(Command("web", command, {}, restarts=1, works=lambda: serves(port)))
        supervisor.wait_until(lambda: serves(port), seconds=30, what="The page")
        os.kill(first, signal.SIGSTOP)
        assert answers(port), "the kernel goes on accepting connections for it"
        supervisor.wait_until(lambda: not alive(first), seconds=60, what="The end of the stopped server")
        supervisor.wait_until(lambda: serves(port), seconds=30, what="The page again")
    assert "web stands still; it is ended." in capfd.readouterr().err


def test_waiting_for_something_that_does_not_come_ends_with_an_error(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Command("sleeper", ["/bin/sleep", "60"], {}))
        with pytest.raises(ProcessError, match="The page is not there"):
            supervisor.wait_until(lambda: False, seconds=0.2, what="The page")


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor, pytest.raises(ProcessError, match="web cannot be started"):
        supervisor.start(Command("web", ["/no/such/program"], {}))


def test_the_processes_are_shielded_from_ctrl_c_in_the_terminal(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as supervisor:
        pid = supervisor.start(Command("sleeper", ["/bin/sleep", "60"], {}))
        assert os.getsid(pid) != os.getsid(0)


def test_the_next_free_port_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert answers(port)
        chosen = free_port(port)
        assert port < chosen < port + 100
        with pytest.raises(ProcessError, match=f"No free port on 127.0.0.1 from {port} to {port}"):
            free_port(port, tries=1)
    assert not answers(port)
