"""Stops an embedded server as soon as no process uses it any more, however its users ended.

Runs as a process of its own, by its path and without the rest of the application, so that it is small and starts fast:
`python -P keeper.py CLUSTER USERS_LOCK`. Every user of the server holds a shared lock on USERS_LOCK, which the kernel
releases even after kill -9; the keeper waits for the exclusive one.
"""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

import psutil

# A fast shutdown ends every session and writes a checkpoint; the immediate one recovers from the log at the next start.
FAST_SECONDS = 60.0
IMMEDIATE_SECONDS = 10.0
POLL_SECONDS = 0.02


def works_in(pid: int, cluster: Path) -> bool:
    """Tell whether a process is of this cluster's server: they all have the cluster as their working folder.

    A number alone proves nothing: after a crash or a reboot it may have passed to a stranger.
    """
    try:
        return psutil.Process(pid).cwd() == os.path.realpath(cluster)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def postmaster(cluster: Path) -> int | None:
    """Return the process id of the cluster's living postmaster."""
    try:
        pid = int((cluster / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if works_in(pid, cluster) else None


def stop_server(cluster: Path) -> bool:
    """Stop the server and wait until it is gone; False when it would not go."""
    for sent, seconds in ((signal.SIGINT, FAST_SECONDS), (signal.SIGQUIT, IMMEDIATE_SECONDS)):
        pid = postmaster(cluster)
        if pid is None:
            return True
        os.kill(pid, sent)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if postmaster(cluster) is None:
                return True
            time.sleep(POLL_SECONDS)
    return False


def keep(cluster: Path, users_lock: Path) -> bool:
    """Wait for the last user to go, then stop the server; at once when another keeper already waits."""
    with (users_lock.parent / "keeper.lock").open("a") as alone, users_lock.open("a") as users:
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(users, fcntl.LOCK_EX)
        stopped = stop_server(cluster)
        # Let go of "there is a keeper" before newcomers, who wait for the other lock, look for one.
        fcntl.flock(alone, fcntl.LOCK_UN)
        return stopped


if __name__ == "__main__":
    if os.fork():  # the child belongs to init, so that nobody has to wait for it
        os._exit(0)
    os.setsid()
    sys.exit(0 if keep(Path(sys.argv[1]), Path(sys.argv[2])) else 1)
