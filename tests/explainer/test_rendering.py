"""Overlays mark exactly what they say, and strips and videos show every frame."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from explainer import rendering
from explainer.errors import RenderingError
from explainer.types import Counterfactual

if TYPE_CHECKING:
    from pathlib import Path


def counterfactual(count: int = 5, size: int = 16) -> Counterfactual:
    frames = np.stack([np.full((size, size), -1024 + 400 * i, dtype=np.float32) for i in range(count)])
    return Counterfactual(
        lambdas=tuple(float(i - 3) for i in range(count)),
        predictions=tuple(0.1 * i for i in range(count)),
        frames=frames,
        zero=3,
        stop_reason={"lower": "reached", "upper": "turned"},
        evaluations=9,
    )


@pytest.mark.parametrize("size", [20, 224])
def test_an_overlay_marks_exactly_the_top_5_percent_in_red(size: int) -> None:
    values = np.random.default_rng(0).permutation(size * size).reshape(size, size).astype(np.float32)
    grey = np.full((size, size), 90, dtype=np.uint8)
    picture = rendering.overlay(grey, values)
    red = (picture == (255, 0, 0)).all(axis=2)
    count = round(size * size * 0.05)
    assert red.sum() == count
    np.testing.assert_array_equal(red, values >= size * size - count)
    assert (picture[~red] == 90).all()


def test_equal_values_are_marked_in_the_same_order_every_time() -> None:
    marked = rendering.top_pixels(np.zeros((4, 5), dtype=np.float32), 3)
    assert np.argwhere(marked).tolist() == [[0, 0], [0, 1], [0, 2]]


def test_a_map_with_nan_is_not_drawn() -> None:
    with pytest.raises(RenderingError, match="NaN"):
        rendering.top_pixels(np.array([[1, np.nan]], dtype=np.float32), 1)


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_a_share_that_is_no_percentage_is_refused(percent: float) -> None:
    with pytest.raises(RenderingError, match="percent"):
        rendering.top_percent(np.ones((4, 4), dtype=np.float32), percent)


def test_grey_is_exact_at_the_ends_and_clipped_beyond() -> None:
    values = np.array([[-1024, 1024, 0, -5000, 5000]], dtype=np.float32)
    assert rendering.to_grey(values).tolist() == [[0, 255, 128, 0, 255]]


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


def test_the_video_plays_all_frames_there_and_back_and_repeats_byte_for_byte() -> None:
    sequence = counterfactual(size=33)
    frames = rendering.to_grey(sequence.frames)
    video = rendering.mp4(frames, sequence.lambdas, sequence.predictions)
    assert video == rendering.mp4(frames, sequence.lambdas, sequence.predictions)
    assert video[4:8] == b"ftyp"


def test_the_video_has_every_frame_in_even_size(tmp_path: Path) -> None:
    sequence = counterfactual(size=33)
    path = tmp_path / "video.mp4"
    path.write_bytes(rendering.mp4(rendering.to_grey(sequence.frames), sequence.lambdas, sequence.predictions))
    count, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    assert count == 8
    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    reader.close()
    assert (width, height) == (66, 114)


def test_a_video_of_one_frame_is_refused() -> None:
    with pytest.raises(RenderingError, match="two frames"):
        rendering.mp4(np.zeros((1, 8, 8), dtype=np.uint8), [0.0], [0.5])
