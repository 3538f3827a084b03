"""Pictures of a training case with the outline of where an expert drew the finding."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw, ImageFilter

from readerstudy.lib.media import media_path
from readerstudy.studies.models import Annotation, Image

SIDE = 768
WIDTH = 7
COLOUR = (119, 211, 160)


def outlined_png(stored: bytes, image: Image, annotations: Iterable[Annotation]) -> bytes:
    """A stored picture of the image's centre square, drawn anew with the borders of what was annotated."""
    with Picture.open(io.BytesIO(stored), formats=("PNG",)) as picture:
        pixels = np.array(picture.convert("RGB").resize((SIDE, SIDE), Picture.Resampling.BILINEAR))
    pixels[_border(_inside(image, annotations))] = COLOUR
    stream = io.BytesIO()
    Picture.fromarray(pixels).save(stream, format="PNG", compress_level=3)
    return stream.getvalue()


def _inside(image: Image, annotations: Iterable[Annotation]) -> Picture.Image:
    """What was annotated, white on black, in the square that the models and readers see."""
    width, height = image.width or 0, image.height or 0
    square = min(width, height)
    left, top = (width - square) // 2, (height - square) // 2
    inside = Picture.new("L", (SIDE, SIDE), 0)
    draw, scale = ImageDraw.Draw(inside), SIDE / max(square, 1)
    for drawn in annotations:
        if drawn.mask:
            with Picture.open(media_path(drawn.mask), formats=("PNG",)) as mask:
                shown = mask.convert("L").resize((SIDE, SIDE), box=(left, top, left + square, top + square))
            inside.paste(255, mask=shown.point(lambda value: 255 if value > 127 else 0))
        else:
            x, y = ((drawn.x or 0) - left) * scale, ((drawn.y or 0) - top) * scale
            draw.rectangle((x, y, x + (drawn.width or 0) * scale, y + (drawn.height or 0) * scale), fill=255)
    return inside


def _border(inside: Picture.Image) -> np.ndarray:
    # Padded, so that what reaches the edge of the square has its border there.
    padded = Picture.new("L", (SIDE + 2 * WIDTH, SIDE + 2 * WIDTH), 0)
    padded.paste(inside, (WIDTH, WIDTH))
    core = padded.filter(ImageFilter.MinFilter(2 * WIDTH - 1)).crop((WIDTH, WIDTH, SIDE + WIDTH, SIDE + WIDTH))
    border: np.ndarray = (np.asarray(inside) > 0) & (np.asarray(core) == 0)
    return border
