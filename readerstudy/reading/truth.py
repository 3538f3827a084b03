"""Where an expert drew the finding on a training case: an outline to lay over the X-ray, of its square and no more."""

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
COLOUR = (119, 211, 160, 255)


def outline_png(image: Image, annotations: Iterable[Annotation]) -> bytes:
    """Transparent PNG of the centre square of the image, as the X-ray is shown, with the borders of what was drawn."""
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
    border = (np.asarray(inside) > 0) & (np.asarray(core) == 0)
    pixels = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    pixels[border] = COLOUR
    stream = io.BytesIO()
    Picture.fromarray(pixels).save(stream, format="PNG", compress_level=3)
    return stream.getvalue()
