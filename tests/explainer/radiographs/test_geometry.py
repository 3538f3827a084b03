"""Pictures are upright with square pixels, and boxes and masks lie on them where they were drawn."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from pydicom.dataset import Dataset

from explainer.errors import RadiographError
from explainer.images import load_array
from explainer.iou import annotation_mask
from explainer.radiographs import Placement, mask_of, png_of, radiograph_of
from explainer.radiographs.dicom import dicom_picture
from explainer.types import Box
from tests.explainer.radiographs.made import HEIGHT, WIDTH, chest, content, dataset

if TYPE_CHECKING:
    from pathlib import Path

_ORIENTATION = 0x0112


def with_orientation(grey: np.ndarray, orientation: int, kind: str) -> bytes:
    exif, stream = Image.Exif(), io.BytesIO()
    exif[_ORIENTATION] = orientation
    Image.fromarray(grey).save(stream, format=kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(10))
def test_exif_turns_a_picture_as_pillow_does(kind: str, orientation: int) -> None:
    grey = (chest() // 16).astype(np.uint8)
    data = with_orientation(grey, orientation, kind)
    radiograph = radiograph_of(data, "x")
    with Image.open(io.BytesIO(data)) as image:
        right = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(radiograph.values, right)
    assert radiograph.orientation_applied == (2 <= orientation <= 8)
    assert radiograph.placement.turned_size == right.shape[::-1]


def test_16_bits_are_turned_too() -> None:
    deep = (chest() * 20).astype(np.uint16)
    radiograph = radiograph_of(with_orientation(deep, 6, "PNG"), "x")
    assert np.array_equal(radiograph.values, np.rot90(deep, -1))


@pytest.mark.parametrize(
    ("tags", "size"),
    [
        ({"PixelSpacing": [0.2, 0.4]}, (2 * WIDTH, HEIGHT)),
        ({"PixelSpacing": [0.4, 0.2]}, (WIDTH, 2 * HEIGHT)),
        ({"ImagerPixelSpacing": [0.1, 0.15]}, (round(1.5 * WIDTH), HEIGHT)),
        ({"NominalScannedPixelSpacing": [0.3, 0.2]}, (WIDTH, round(1.5 * HEIGHT))),
        ({"PixelAspectRatio": [4, 3]}, (WIDTH, round(HEIGHT * 4 / 3))),
        ({"PixelSpacing": [0.2, 0.2], "PixelAspectRatio": [4, 3]}, (WIDTH, HEIGHT)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.2, 0.4]}, (2 * WIDTH, HEIGHT)),
        ({"PixelSpacing": [0.1389, 0.139]}, (WIDTH, HEIGHT)),
        ({"PixelSpacing": "0.2"}, (WIDTH, HEIGHT)),
    ],
)
def test_pixels_become_square(tags: dict[str, Any], size: tuple[int, int]) -> None:
    radiograph = radiograph_of(content(dataset(chest(), **tags)), "x")
    assert radiograph.values.shape[::-1] == size
    assert radiograph.spacing_corrected == (size != (WIDTH, HEIGHT))
    # The picture is the same, only stretched: its mean and its corners stay.
    assert radiograph.values.mean() == pytest.approx(chest().mean() * 65535 / 4095, rel=0.002)
    assert radiograph.values[0, 0] == pytest.approx(155 * 65535 / 4095, rel=0.02)


def test_the_spacing_of_an_enhanced_object_stands_in_its_functional_groups() -> None:
    shared = Dataset()
    shared.PixelMeasuresSequence = [Dataset()]
    shared.PixelMeasuresSequence[0].PixelSpacing = [0.2, 0.4]
    data = content(dataset(chest(), NumberOfFrames=1, SharedFunctionalGroupsSequence=[shared]))
    assert dicom_picture(data).header.ratio == pytest.approx(0.5)


def test_a_png_says_the_shape_of_its_pixels_by_two_densities() -> None:
    stream = io.BytesIO()
    Image.fromarray((chest() // 16).astype(np.uint8)).save(stream, format="PNG", dpi=(100, 200))
    radiograph = radiograph_of(stream.getvalue(), "x")  # half as many pixels across: each is twice as wide as high
    assert radiograph.values.shape == (HEIGHT, 2 * WIDTH)


def test_pixels_that_are_turned_are_turned_before_they_become_square() -> None:
    exif, stream = Image.Exif(), io.BytesIO()
    exif[_ORIENTATION] = 6
    Image.fromarray((chest() // 16).astype(np.uint8)).save(stream, format="PNG", dpi=(100, 200), exif=exif)
    assert radiograph_of(stream.getvalue(), "x").values.shape == (2 * WIDTH, HEIGHT)


def test_a_box_drawn_on_the_file_lies_on_the_picture() -> None:
    radiograph = radiograph_of(content(dataset(chest(), PixelSpacing=[0.2, 0.4])), "x")
    # The bright square of columns 45 to 65 and rows 10 to 30.
    x, y, width, height = (round(value) for value in radiograph.placement.box(45, 10, 20, 20))
    assert (x, y, width, height) == (90, 10, 40, 20)
    bright = radiograph.values > 0.99 * radiograph.values.max()
    assert bright[y : y + height, x + 1 : x + width - 1].all()


def test_a_mask_drawn_on_the_file_lies_on_the_picture() -> None:
    placement = Placement(stored_width=72, stored_height=96, width=144, height=96)
    drawn = np.zeros((96, 72), np.uint8)
    drawn[10:30, 45:65] = 1
    inside = mask_of(png_of(drawn), "m", placement)
    assert inside.shape == (96, 144)
    assert inside[10:30, 90:130].all()
    assert inside.sum() == 20 * 40
    # Drawn on the picture itself, it stays.
    assert np.array_equal(mask_of(png_of(inside.astype(np.uint8)), "m", placement), inside)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_of_the_size_before_turning_is_turned_with_its_picture(orientation: int) -> None:
    placement = Placement(stored_width=72, stored_height=96, orientation=orientation, width=96, height=72)
    stored = np.zeros((96, 72), np.uint8)
    stored[10:30, 45:65] = 200
    with Image.open(io.BytesIO(with_orientation(stored, orientation, "PNG"))) as image:
        right = np.asarray(ImageOps.exif_transpose(image)) > 0
    assert np.array_equal(mask_of(png_of(stored), "m", placement), right)
    assert np.array_equal(mask_of(png_of(right.astype(np.uint8)), "m", placement), right)


def test_a_mask_that_is_no_png_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((96, 72), np.uint8)).save(tmp_path / "m.jpg")
    with pytest.raises(RadiographError, match="no PNG"):
        mask_of(
            (tmp_path / "m.jpg").read_bytes(),
            "m.jpg",
            Placement(stored_width=72, stored_height=96, width=72, height=96),
        )


def test_the_classifier_sees_the_square_and_the_box_of_an_oblong_file(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(content(dataset(chest(), PixelSpacing=[0.3, 0.4])))  # 96 x 96 with square pixels
    array, geometry = load_array(tmp_path / "x.dcm", size=96, input_range=(0, 1))
    mask = annotation_mask([Box(x=45, y=10, width=20, height=20)], geometry, 96)
    assert (geometry.side, geometry.left, geometry.top) == (96, 0, 0)
    assert mask.sum() == pytest.approx(20 * 20 * 4 / 3, rel=0.05)
    assert np.quantile(array[mask], 0.1) > 0.99 * array.max()
    assert array[mask].mean() > array[~mask].mean() + 0.2
