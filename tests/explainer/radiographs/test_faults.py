"""Files that real devices and programs make, with the picture that each should give: ../shared/data/faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainer.errors import RadiographError
from explainer.radiographs import radiograph_read

pytestmark = pytest.mark.shared_data

PICTURES = (
    "high_bit_15",
    "jpeg_lossless_p14",
    "jpeg_lossless_sv1",
    "modlut12_window",
    "modlut16_window",
    "modlut8_no_window",
    "negative_slope_window",
    "no_preamble",
    "no_transfer_syntax",
    "no_window_16_stored_12_used",
    "slope_without_intercept",
    "voi_lut_8_bit",
    "voi_lut_says_12_is_16",
    "voi_lut_says_16_is_12",
    "window_width_below_one",
    "window_width_zero",
)


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_the_right_one(name: str, shared_data_dir: Path) -> None:
    folder = shared_data_dir / "faults" / name
    with Image.open(folder / "expected.png") as expected:
        right = np.asarray(expected) / 65535
    found = radiograph_read(folder / "x.dcm").sixteen_bits / 65535
    assert found.shape == right.shape
    assert np.abs(found - right).mean() <= 0.001


def test_all_pictures_of_the_folder_are_tried(shared_data_dir: Path) -> None:
    assert sorted(path.parent.name for path in (shared_data_dir / "faults").glob("*/expected.png")) == sorted(PICTURES)


def test_a_circle_of_the_body_is_a_circle(shared_data_dir: Path) -> None:
    radiograph = radiograph_read(shared_data_dir / "faults" / "pixels_not_square" / "x.dcm")
    assert radiograph.spacing_corrected
    assert radiograph.values.shape == (200, 200)
    inside = radiograph.sixteen_bits > 0.55 * 65535
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 3


def test_a_jpeg_lying_on_its_side_is_turned_and_its_box_marks_the_bright_square(shared_data_dir: Path) -> None:
    radiograph = radiograph_read(shared_data_dir / "faults" / "jpeg_exif_orientation" / "x.jpg")
    assert radiograph.orientation_applied
    assert radiograph.values.shape == (192, 256)
    x, y, width, height = (round(value) for value in radiograph.placement.box(176, 20, 60, 60))
    bright = radiograph.values > 128
    assert bright[y + 2 : y + height - 2, x + 2 : x + width - 2].all()
    assert bright.sum() < 1.1 * width * height


def test_pixels_whose_sign_is_not_known_are_refused_in_words(shared_data_dir: Path) -> None:
    with pytest.raises(RadiographError, match="does not say whether its pixel values have a sign"):
        radiograph_read(shared_data_dir / "faults" / "pixel_representation_missing" / "x.dcm")
