"""How much of a file is read at most, and how a file is refused."""

from __future__ import annotations

MAX_BYTES = 256 * 1024**2
MAX_PIXELS = 64_000_000
MIN_SIDE = 32
MEMORY_BYTES = 2 * 1024**3
CPU_SECONDS = 60
WALL_SECONDS = 120


class Refused(Exception):  # noqa: N818 -- an answer about a file, which becomes a RadiographError with its name
    """A file is not taken; the text says what is wrong with it and what would help, without the file's name."""
