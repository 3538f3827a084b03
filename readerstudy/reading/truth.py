"""What a training case's feedback lays over its X-ray: what a map marked, and the outline that an expert drew."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFilter

from readerstudy.lib.media import media_path
from readerstudy.studies.models import Annotation, Image

SIDE = 768
WIDTH = 7
COLOUR = (119, 211, 160, 255)
RED = (255, 0, 0, 255)
Mask = NDArray[np.bool_]


def feedback_png(image: Image, annotations: Iterable[Annotation], overlay: bytes = b"") -> bytes:
    """Transparent PNG of the image's centre square, as the X-ray is shown.

    In it the borders of what was drawn, and, under them, what `overlay` (PNG) has in colour.
    """
    pixels = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    if overlay:
        pixels[_coloured(overlay)] = RED
    pixels[_border(image, annotations)] = COLOUR
    stream = io.BytesIO()
    Picture.fromarray(pixels).save(stream, format="PNG", compress_level=3)
    return stream.getvalue()


def _coloured(overlay: bytes) -> Mask:
    with Picture.open(io.BytesIO(overlay), formats=("PNG",)) as picture:
        shown = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Picture.Resampling.NEAREST))
    return np.asarray(shown.max(axis=2) != shown.min(axis=2))


def _border(image: Image, annotations: Iterable[Annotation]) -> Mask:
    width, height = image.width or 0, image.height or 0
    square = min(width, height)
    left, top = (width - square) // 2, (height - square) // 2
    inside = Picture.new("L", (SIDE, SIDE), 0)
    draw, scale = ImageDraw.Draw(inside), SIDE / square
    for drawn in annotations:
        if drawn.mask:
            with Picture.open(media_path(drawn.mask), formats=("PNG",)) as mask:
                shown = mask.convert("L").resize((SIDE, SIDE), box=(left, top, left + square, top + square))
            inside.paste(255, mask=shown.point(lambda value: 255 if value > 127 else 0))
        else:
            x, y = ((drawn.x or 0) - left) * scale, ((drawn.y or 0) - top) * scale
            draw.rectangle((x, y, x + (drawn.width or 0) * scale, y + (drawn.height or 0) * scale), fill=255)
    # Padded, so that what reaches the edge of the square has its border there.
    padded = Picture.new("L", (SIDE + 2 * WIDTH, SIDE + 2 * WIDTH), 0)
    padded.paste(inside, (WIDTH, WIDTH))
    core = padded.filter(ImageFilter.MinFilter(2 * WIDTH - 1)).crop((WIDTH, WIDTH, SIDE + WIDTH, SIDE + WIDTH))
    return np.asarray((np.asarray(inside) > 0) & (np.asarray(core) == 0))
