"""How the C library hands out the memory of large arrays, which decides how fast a CPU works on them."""

from __future__ import annotations

import ctypes

#: Options of glibc's mallopt (malloc.h).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX, _KEPT_BYTES = -1, -3, -8, 1 << 30


def keep_memory() -> None:
    """Let this process keep freed memory for its next arrays; to be called at its start.

    By default glibc maps every array above 32 MB anew and gives it back at once, and the kernel clears each page on its
    first use: that is two fifths of the time in which phantoms are drawn, and half of the time in which a decoder
    works on batches of eight. One store for all threads, since what one of them keeps is of no use to another.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # another C library, which has its own ways
        return
    for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        library.mallopt(option, _KEPT_BYTES)
    library.mallopt(_M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Return what this process keeps but does not use: between two pieces of work whose arrays differ in size."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
