"""How the C library hands out the memory of large arrays, which decides how fast a CPU works on them."""

from __future__ import annotations

import ctypes

#: Options of glibc's mallopt (malloc.h).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _KEPT_BYTES = -1, -3, 1 << 30


def keep_memory() -> None:
    """Let this process keep freed memory for its next arrays; to be called at its start.

    By default glibc maps every array above 32 MB anew and gives it back at once, and the kernel clears each page on its
    first use: that is two fifths of the time in which phantoms are drawn, and half of the time in which a decoder
    works on batches of eight.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # another C library, which has its own ways
        return
    for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        library.mallopt(option, _KEPT_BYTES)
