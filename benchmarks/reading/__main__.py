"""What a reader waits for: key presses and milliseconds per case, over a whole period, in Chromium.

    python -m benchmarks.reading                240 cases; some minutes
    python -m benchmarks.reading --cases 20     a quick look
    python -m benchmarks.reading --viewer       instead: first paint and frames of a large X-ray
    python -m benchmarks.reading --viewer --peer    the same beside Cornerstone3D (needs npm and its registry)

Builds a throwaway study with real picture files, serves it with the server that `make demo` uses, and rates every case
of a period by keyboard. docs/benchmarks.md says how to read the table.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HOST = "127.0.0.1"
VIEWED = 6  # cases that --viewer opens, three of each arm or so
BALANCED = 24  # six targets, true and false positives, two arms


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark with the given arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reading", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=240, help="to rate (default: 240)")
    parser.add_argument("--viewer", action="store_true", help="measure frames while a large X-ray is worked with")
    parser.add_argument("--peer", action="store_true", help="with --viewer: beside it, a page made with Cornerstone3D")
    parser.add_argument("--side", type=int, help="pixels of an X-ray's side (default: 1024; with --viewer 2048)")
    parser.add_argument("--think", type=float, default=0.3, help="seconds before each key (default: 0.3)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="readerstudy-benchmark-") as folder:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="readerstudy.settings",
            READERSTUDY_DATA=folder,
            READERSTUDY_HTTPS="0",
            LOG_LEVEL="WARNING",
            DJANGO_ALLOW_ASYNC_UNSAFE="1",  # Playwright keeps an event loop in this thread
        )
        os.environ.pop("DATABASE_URL", None)
        return _measure(Path(folder), args)


def _measure(folder: Path, args: argparse.Namespace) -> int:
    import django

    django.setup()
    from readerstudy.lib.postgres import ensure_running
    from readerstudy.startup import ensure_schema, ensure_services

    ensure_services()
    try:
        ensure_schema()
        return _serve_and_read(folder, args)
    finally:
        if server := ensure_running(folder):
            server.stop()


def _serve_and_read(folder: Path, args: argparse.Namespace) -> int:
    from django.test import Client
    from django.urls import reverse

    from benchmarks.reading.study import build
    from readerstudy.lib.processes import Supervisor, answers, free_port
    from readerstudy.results.management.commands.demo import web_process

    cases = BALANCED if args.viewer else -(-args.cases // BALANCED) * BALANCED
    allocation = build(cases=cases, side=args.side or (2048 if args.viewer else 1024))
    client = Client(SERVER_NAME=HOST)
    client.force_login(allocation.membership.user)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    paths = [reverse("reading_case", args=[reading.pk]) for reading in allocation.readings.all()[:VIEWED]]
    port = free_port(8200, host=HOST)
    with Supervisor(folder / "log") as supervisor:
        supervisor.start(web_process(port))
        supervisor.wait_until(lambda: answers(port, host=HOST), seconds=60, what="The web server")
        root = f"http://{HOST}:{port}"
        return _look(root, cookies, paths, peer=args.peer) if args.viewer else _read(root, cookies, paths[0], args)


def _look(root: str, cookies: dict[str, str], paths: list[str], *, peer: bool) -> int:
    from benchmarks.reading.peer import look_at_peer
    from benchmarks.reading.viewer import look

    frames = look(root, cookies, paths)
    _head(f"{len(paths)} cases.")
    _row("first paint, files being there", frames.paint)
    _row("frame while the window is dragged", frames.window)
    _row("frame while zooming", frames.zoom)
    for way, theirs in look_at_peer(root, cookies, paths[0], width=frames.width).items() if peer else ():
        print(f"\nCornerstone3D, {way}, the picture being decoded:")
        _row("first paint", theirs.paint)
        _row("frame while the window is changed", theirs.window)
        _row("frame while zooming", theirs.zoom)
    return 0


def _read(root: str, cookies: dict[str, str], start: str, args: argparse.Namespace) -> int:
    from benchmarks.reading.reader import read
    from readerstudy.reading.models import Answer

    measured = read(root, cookies, start, cases=args.cases, think=args.think)
    _head(f"{len(measured.keys) + 1} cases, {max(measured.keys)} key presses each.")
    _row("from Enter to the next case ready", measured.next_case)
    _row("from an answer's key to Saved", measured.saved)
    for kind, milliseconds in sorted(measured.server.items()):
        _row(f"server, {kind}", milliseconds)
    stored = Answer.objects.count()
    if stored != 2 * args.cases or set(measured.keys) != {3}:
        print(f"{stored} of {2 * args.cases} answers are stored; keys per case: {set(measured.keys)}.", file=sys.stderr)
        return 1
    return 0


def _head(what: str) -> None:
    print(f"{what} Milliseconds, on {os.cpu_count()} cores that {os.getloadavg()[1]:.1f} processes wanted at once")
    print("(where that is more than there are cores, all times are upper bounds):\n")
    print(f"{'':<34}{'number':>8}{'min':>8}{'median':>8}{'95th %':>8}{'max':>8}")


def _row(name: str, values: list[float]) -> None:
    cut = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    print(
        f"{name:<34}{len(values):>8}{min(values):>8.0f}{statistics.median(values):>8.0f}{cut:>8.0f}{max(values):>8.0f}"
    )


if __name__ == "__main__":
    sys.exit(main())
