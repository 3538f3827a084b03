"""Pictures as another program has packed them arrive to the pixel."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Picture

DECODE = """
    const { decodePng } = await import("./viewer/png.js");
    const { width, height, values } = await decodePng(new Uint8Array(given).buffer);
    return { size: [width, height], values: [...values] };
"""


@pytest.mark.parametrize("mode", ["L", "I;16"])
def test_every_way_of_filtering_a_png_is_undone_exactly(evaluate, mode: str):
    y, x = np.mgrid[0:60, 0:70]
    top = 255 if mode == "L" else 65535
    wave = (np.sin(x / 9) + np.cos(y / 7 + x / 30) + 2) / 4 * top
    noise = np.random.default_rng(1).integers(0, top + 1, wave.shape)
    values = np.where(y < 45, wave, noise).astype(np.uint8 if mode == "L" else np.uint16)
    stream = io.BytesIO()
    Picture.fromarray(values).save(stream, format="PNG")
    found = evaluate(DECODE, list(stream.getvalue()))
    assert found["size"] == [70, 60]
    assert found["values"] == values.ravel().tolist()


@pytest.mark.parametrize("mode", ["RGB", "P", "1"])
def test_a_picture_that_is_not_plain_grey_is_refused(evaluate, mode: str):
    stream = io.BytesIO()
    Picture.new(mode, (8, 8)).save(stream, format="PNG")
    refuse = f"try {{ {DECODE} }} catch (error) {{ return error.message; }}"
    assert evaluate(refuse, list(stream.getvalue())) == "a PNG that is not plain grey"
