"""Overlays mark exactly what they say, in colours that mean what is documented."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from PIL import Image

from explainer import rendering
from explainer.errors import RenderingError


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


@given(
    st.integers(0, 35),
    st_numpy.arrays(np.float32, (5, 7), elements=st.sampled_from([-2.0, -0.0, 0.0, 0.5, 1.0, 1e-40, 3e38])),
)
def test_the_top_pixels_are_those_of_a_stable_sort(count: int, values: np.ndarray) -> None:
    expected = np.zeros(35, dtype=bool)
    expected[np.argsort(-values.ravel(), kind="stable")[:count]] = True
    np.testing.assert_array_equal(rendering.top_pixels(values, count).ravel(), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_with_nan_is_not_drawn(bad: float) -> None:
    with pytest.raises(RenderingError, match="NaN"):
        rendering.top_pixels(np.array([[1, bad]], dtype=np.float32), 1)


@pytest.mark.parametrize("percent", [0, -1, 101, float("nan")])
def test_a_share_that_is_no_percentage_is_refused(percent: float) -> None:
    with pytest.raises(RenderingError, match="percent"):
        rendering.top_percent(np.ones((4, 4), dtype=np.float32), percent)


def test_a_blur_spreads_a_pixel_by_its_standard_deviation_and_keeps_its_sum() -> None:
    values = np.zeros((81, 81), dtype=np.float32)
    values[40, 40] = 1
    smooth = rendering.blurred(values, 3.0)
    rows = np.arange(81) - 40
    assert smooth.sum() == pytest.approx(1, rel=1e-4)
    assert (smooth.sum(axis=1) * rows**2).sum() == pytest.approx(9, rel=0.01)
    assert (smooth.sum(axis=0) * rows**2).sum() == pytest.approx(9, rel=0.01)


def test_a_map_is_blurred_before_its_pixels_are_ranked() -> None:
    # One high pixel alone, and a block of lower ones: the block is more once they are smoothed.
    values = np.zeros((40, 40), dtype=np.float32)
    values[5, 5], values[25:31, 25:31] = 2, 1
    grey = np.zeros((40, 40), dtype=np.uint8)
    sharp = rendering.overlay(grey, values, percent=100 / 1600)
    smooth = rendering.overlay(grey, values, percent=100 / 1600, blur=2.0)
    assert np.argwhere(sharp[..., 0]).tolist() == [[5, 5]]
    ((row, column),) = np.argwhere(smooth[..., 0]).tolist()
    assert 27 <= row <= 28
    assert 27 <= column <= 28


def test_without_being_asked_for_nothing_is_blurred() -> None:
    values = np.random.default_rng(0).random((16, 16), dtype=np.float32)
    assert rendering.blurred(values, 0.0) is values


@pytest.mark.parametrize("sigma", [-1.0, float("nan"), float("inf"), 1e9])
def test_a_blur_that_cannot_be_is_refused(sigma: float) -> None:
    with pytest.raises(RenderingError, match="blur"):
        rendering.blurred(np.ones((8, 8), dtype=np.float32), sigma)


def test_grey_is_exact_at_the_ends_and_clipped_beyond() -> None:
    values = np.array([[-1024, 1024, 0, -5000, 5000]], dtype=np.float32)
    assert rendering.to_grey(values).tolist() == [[0, 255, 128, 0, 255]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_frames_with_nan_have_no_grey(bad: float) -> None:
    with pytest.raises(RenderingError, match="NaN"):
        rendering.to_grey(np.array([[[0, bad]]], dtype=np.float32))


def test_the_error_of_a_reconstruction_goes_from_black_over_red_and_yellow_to_white_at_a_tenth_of_the_scale() -> None:
    image = np.zeros((1, 5), dtype=np.float32)
    reconstruction = np.array([[0, -204.8 / 3, 204.8 * 2 / 3, 204.8, -900]], dtype=np.float32)
    colours = rendering.error_picture(image, reconstruction)[0].tolist()
    assert colours == [[0, 0, 0], [255, 0, 0], [255, 255, 0], [255, 255, 255], [255, 255, 255]]


@given(
    st_numpy.arrays(
        np.uint8,
        st.one_of(
            st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=9),
            st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=9).map(lambda shape: (*shape, 3)),
        ),
    )
)
def test_a_png_holds_every_pixel(pixels: np.ndarray) -> None:
    with Image.open(io.BytesIO(rendering.png(pixels))) as image:
        image.load()
        assert image.mode == ("L" if pixels.ndim == 2 else "RGB")
        assert not image.info
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_png_of_part_of_an_array_holds_that_part() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)[::2, ::-1]
    with Image.open(io.BytesIO(rendering.png(pixels))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)
