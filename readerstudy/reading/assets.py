"""Bytes of a case's files as a reader may have them: pixels without metadata, a curve without what it was made from."""

from __future__ import annotations

import json
import struct
from typing import Any

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND"}
CURVE_KEYS = ("lambdas", "predictions", "frames", "zero", "frame_width", "frame_height", "columns")


class AssetError(Exception):
    """A stored file that is not what it should be."""


def png_pixels_only(data: bytes) -> bytes:
    """The same PNG with nothing but its pixels: no text, time, EXIF or private chunks, nothing after its end."""
    if not data.startswith(SIGNATURE):
        raise AssetError("A stored picture is no PNG file.")
    kept, place = [SIGNATURE], len(SIGNATURE)
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind, end = data[place + 4 : place + 8], place + 12 + length
        if kind in PIXEL_CHUNKS:
            kept.append(data[place:end])
        if kind == b"IEND":
            return b"".join(kept)
        place = end
    raise AssetError("A stored PNG file ends too early.")


def curve_for_reader(data: bytes) -> bytes:
    """Lambda and prediction per frame and the layout of the filmstrip; all other keys are left out."""
    curve: dict[str, Any] = json.loads(data)
    if missing := [key for key in CURVE_KEYS if key not in curve]:
        raise AssetError(f"A stored curve lacks {', '.join(missing)}.")
    return json.dumps({key: curve[key] for key in CURVE_KEYS}).encode()
