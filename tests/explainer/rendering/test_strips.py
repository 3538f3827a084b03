"""A filmstrip holds every frame, where its description says."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from explainer import rendering
from tests.explainer.rendering.cases import counterfactual


def test_the_filmstrip_holds_every_frame_exactly_where_the_curve_says() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (7, 6, 5000), dtype=np.uint8)
    strip = np.asarray(Image.open(io.BytesIO(rendering.png(rendering.filmstrip(frames)))))
    columns = rendering.strip_columns(7, 5000)
    assert columns == 1
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(strip[index * 6 : index * 6 + 6], frame)


def test_short_strips_are_one_row() -> None:
    sequence = counterfactual()
    strip = rendering.filmstrip(rendering.to_grey(sequence.frames))
    assert strip.shape == (16, 80)
    curve = rendering.curve(sequence)
    assert (curve["frames"], curve["columns"], curve["frame_width"], curve["frame_height"]) == (5, 5, 16, 16)
    assert (curve["lambdas"], curve["zero"]) == ([-3, -2, -1, 0, 1], 3)
    assert curve["stop_reason"] == {"lower": "reached", "upper": "turned"}
    grey = strip[0, ::16].tolist()
    assert grey == rendering.to_grey(sequence.frames)[:, 0, 0].tolist()
