"""Waiting for other processes, and letting them find the project."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def wait_for(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait until something holds that another process brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def python_environment(**extra: str) -> dict[str, str]:
    """An environment in which any Python of this version finds the project and what it uses."""
    paths = [str(REPOSITORY), *(path for path in sys.path if path.endswith("site-packages"))]
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1", **extra}


@contextmanager
def celery_worker(
    app: str, queue: str, environment: dict[str, str], log: Path, *options: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """A real worker of `app` on `queue`, leader of its own process group; killed at the end if it still runs."""
    arguments = ["-A", app, "worker", "-Q", queue, "-c", "1", "-l", "INFO", "-n", f"{uuid.uuid4().hex}@x", *options]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
