"""Bytes of a case's files as a reader may have them: pixels without metadata, a curve without what it was made from."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image as Picture

from explainer.catalogue.parameters import Parameters

# Deflate, no flags, no time.
GZIP_START = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
PIXEL_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"sRGB", b"IDAT", b"IEND"}
CURVE_KEYS = ("lambdas", "predictions", "frames", "zero", "frame_width", "frame_height", "columns")
# Ranks come in steps of half a percent: 200 of them, the best being 255.
STEPS_PER_PERCENT = 2
STEPS = 100 * STEPS_PER_PERCENT
BEST = 255


class AssetError(Exception):
    """A stored file that is not what it should be."""


def for_reader(name: str, stored: Sequence[bytes], *, percent: float) -> tuple[str, bytes]:
    """Type and content of what a reader gets under a name, made of the files stored for it."""
    if name.endswith(".json"):
        return "application/json", curve_for_reader(*stored)
    if name.endswith(".gz"):
        # No Content-Encoding: the page inflates it, so that nothing between it and us may do so or change its pixels.
        return "application/octet-stream", gzip_pixels_only(*stored)
    if len(stored) > 1:
        return "image/png", ranks_for_reader(*stored, percent=percent)
    return "image/png", png_pixels_only(*stored)


def gzip_pixels_only(data: bytes) -> bytes:
    """Gzipped pixels as they are stored, if their header holds nothing but that: no name, no time, no comment."""
    if data[:8] != GZIP_START:
        raise AssetError("Stored pixels are no plain gzip file.")
    return data


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


def marked_percent(parameters: Mapping[str, Any]) -> float:
    """Share of the pixels that a study's overlays mark, to a step of the ranks."""
    percent = Parameters.of(parameters).percent
    return min(max(1, round(percent * STEPS_PER_PERCENT)), STEPS) / STEPS_PER_PERCENT


def ranks_for_reader(raw: bytes, overlay: bytes, *, percent: float) -> bytes:
    """How high each pixel of a map ranks, as a grey PNG: 255 for the first half percent, 254 for the next, and so on.

    Exactly what the overlay marks is in its first `percent`. `raw` is the map as .npy in half precision, where more
    pixels are equal than were when the overlay was drawn; of equal ones those nearer the start rank higher, as there.
    """
    values = np.load(io.BytesIO(raw), allow_pickle=False)
    with Picture.open(io.BytesIO(overlay), formats=("PNG",)) as picture:
        colours = np.asarray(picture.convert("RGB"))
    marked = (colours[..., 0] != colours[..., 1]) | (colours[..., 1] != colours[..., 2])
    if values.shape != marked.shape or values.dtype != np.float16:
        raise AssetError("A stored map and its overlay do not belong together.")
    # Half-precision numbers that are not negative are in the order of their bits; the highest bit is free for the mark.
    keys = np.abs(values).view(np.uint16) | np.where(marked, np.uint16(0x8000), np.uint16(0))
    order = np.argsort(np.uint16(0xFFFF) - keys.ravel(), kind="stable")
    grey = np.empty(values.size, np.uint8)
    grey[order] = np.repeat(BEST - np.arange(STEPS, dtype=np.uint8), _per_step(values.size, int(marked.sum()), percent))
    stream = io.BytesIO()
    Picture.fromarray(grey.reshape(values.shape)).save(stream, format="PNG", compress_level=1)
    return stream.getvalue()


def _per_step(pixels: int, marked: int, percent: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many pixels have each rank, so that the first `percent` are those that are marked."""
    upto = np.rint(pixels * np.arange(STEPS + 1) / STEPS).astype(np.int64)
    step = round(percent * STEPS_PER_PERCENT)
    upto[:step], upto[step] = np.minimum(upto[:step], marked), marked
    upto[step + 1 :] = np.maximum(upto[step + 1 :], marked)
    upto[-1] = pixels
    return np.diff(upto)
