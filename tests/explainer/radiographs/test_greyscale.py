"""Grey values by the formulas of PS3.3 C.7.6.16, C.11.1, C.11.2 and C.11.6, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from explainer.radiographs.greyscale import GreyScale, LookUpTable, Rescale, Window


def shown(scale: GreyScale, *stored: int) -> list[float]:
    """What becomes of these stored values, as fractions of white."""
    picture = scale.picture(np.array([stored], dtype=np.int32)).values
    return list(picture[0] / float(np.iinfo(picture.dtype).max))


def window_from(scale: GreyScale, *stored: int) -> str:
    return scale.picture(np.array([stored], dtype=np.int32)).window_from


def test_a_linear_window_maps_its_edges_to_black_and_white() -> None:
    # Below centre - 0.5 - (width - 1) / 2 black, above centre - 0.5 + (width - 1) / 2 white.
    scale = GreyScale(bits=12, voi=Window(1500, 1000))
    assert shown(scale, 0, 1000, 1250, 1500, 1999, 4095) == pytest.approx([0, 0, 0.2502, 0.5005, 1, 1], abs=1e-4)


def test_an_exact_window_has_no_halves() -> None:
    scale = GreyScale(bits=12, voi=Window(1500, 1000, "LINEAR_EXACT"))
    assert shown(scale, 1000, 1250, 1500, 2000) == pytest.approx([0, 0.25, 0.5, 1], abs=1e-4)


def test_a_sigmoid_window_is_half_at_its_centre_and_survives_values_far_away() -> None:
    scale = GreyScale(bits=16, voi=Window(2000, 4, "SIGMOID"))
    assert shown(scale, 0, 2000, 2001, 65535) == pytest.approx([0, 0.5, 1 / (1 + np.exp(-1)), 1], abs=1e-4)


def test_a_window_below_one_is_taken_exactly() -> None:
    scale = GreyScale(bits=12, modality=Rescale(0.0001, 0), voi=Window(0.2, 0.3))
    assert shown(scale, 500, 1250, 2000, 3500) == pytest.approx([0, 0.25, 0.5, 1], abs=1e-4)


def test_a_window_of_one_is_a_threshold() -> None:
    assert shown(GreyScale(bits=8, voi=Window(100, 1)), 99, 100, 101) == [0, 1, 1]


def test_a_negative_slope_turns_dark_into_bright() -> None:
    scale = GreyScale(bits=8, modality=Rescale(-10, 3000), voi=Window(1725.5, 2551))
    # 3000 - 10 v lies in the window from 450 to 3000.
    assert shown(scale, 0, 255, 127) == pytest.approx([1, 0, (3000 - 1270 - 450) / 2550], abs=0.003)


def test_a_negative_slope_turns_the_declared_range_too() -> None:
    assert shown(GreyScale(bits=8, modality=Rescale(-1, 0)), 0, 255, 51) == pytest.approx([1, 0, 0.8], abs=0.002)


@pytest.mark.parametrize("signed", [False, True])
def test_without_a_window_the_declared_range_holds_while_a_quarter_of_it_is_in_use(*, signed: bool) -> None:
    scale = GreyScale(bits=12, signed=signed)
    low, _ = scale.stored_range
    assert shown(scale, low, low + 1024) == pytest.approx([0, 1024 / 4095], abs=1e-4)
    assert window_from(scale, low, low + 1024) == "declared range"
    assert shown(scale, low + 100, low + 200, low + 1100) == pytest.approx([0, 0.1, 1], abs=1e-4)
    assert window_from(scale, low + 100, low + 1100) == "range in use"


def test_padding_does_not_decide_on_the_range_in_use() -> None:
    scale = GreyScale(bits=16, padding=(60000, 65535))
    assert shown(scale, 100, 2100, 1100, 65535) == pytest.approx([0, 1, 0.5, 1], abs=1e-4)
    assert window_from(scale, 100, 2100, 65535) == "range in use"
    assert window_from(GreyScale(bits=16), 100, 2100, 65535) == "declared range"


def test_padding_of_a_negative_lies_beyond_its_white() -> None:
    scale = GreyScale(bits=16, padding=(0, 0), inverted=True)
    assert shown(scale, 0, 1000, 2000, 3000) == pytest.approx([1, 1, 0.5, 0], abs=1e-4)


def test_inversion_is_last() -> None:
    scale = GreyScale(bits=8, modality=Rescale(2, 0), voi=Window(200.5, 401), inverted=True)
    assert shown(scale, 0, 50, 200) == pytest.approx([1, 0.75, 0], abs=0.002)


def test_a_table_that_is_shorter_than_the_values_ends_with_its_ends() -> None:
    table = LookUpTable(first=10, entries=np.array([0, 100, 200, 255]), bits=8)
    assert shown(GreyScale(bits=12, voi=table), 0, 10, 11, 13, 4000) == pytest.approx([0, 0, 100 / 255, 1, 1], abs=1e-4)


def test_a_table_of_8_bits_takes_indices_beyond_255() -> None:
    table = LookUpTable(first=0, entries=np.arange(4096) // 16, bits=8)
    assert shown(GreyScale(bits=12, voi=table), 0, 256, 2048, 4095) == pytest.approx(
        [0, 16 / 255, 128 / 255, 1], abs=1e-4
    )


@pytest.mark.parametrize(("declared", "used", "white"), [(16, 4095, 4095), (12, 65535, 65535), (16, 40000, 65535)])
def test_the_depth_of_a_table_is_that_of_its_entries_where_the_header_is_wrong(
    declared: int, used: int, white: int
) -> None:
    table = LookUpTable(first=0, entries=np.linspace(0, used, 4096).astype(np.int64), bits=declared)
    assert shown(GreyScale(bits=12, voi=table), 4095) == pytest.approx([used / white], abs=1e-4)


def test_the_output_of_a_modality_table_is_the_declared_range() -> None:
    table = LookUpTable(first=0, entries=np.arange(4096) // 16, bits=8)
    assert shown(GreyScale(bits=12, modality=table), 0, 2048, 4095) == pytest.approx([0, 128 / 255, 1], abs=1e-4)


def test_values_of_32_bits_are_shown_too() -> None:
    scale = GreyScale(bits=32, padding=(2**32 - 1, 2**32 - 1))
    picture = scale.picture(np.array([[1000, 2000, 3000, 2**32 - 1]], dtype=np.int64))
    assert list(picture.values[0] / 65535) == pytest.approx([0, 0.5, 1, 1], abs=1e-4)
    assert picture.window_from == "range in use"


def test_eight_bits_stay_what_they_are() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(GreyScale(bits=8).picture(values).values, values)
