"""IoU with dynamic threshold, by hand, and annotations that follow the image's crop."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainer.errors import AnnotationError
from explainer.images import centre_square
from explainer.iou import annotation_mask, intersection_over_union, map_iou
from explainer.types import Box


def test_iou_is_shared_area_over_joint_area() -> None:
    first = np.array([[1, 1, 0, 0]], dtype=bool)
    second = np.array([[0, 1, 1, 1]], dtype=bool)
    assert intersection_over_union(first, second) == 1 / 4


def test_a_map_is_given_as_many_pixels_as_the_annotation_has() -> None:
    values = np.array([[9, 8, 7], [1, 2, 3], [0, 0, 0]], dtype=np.float32)
    mask = np.array([[1, 0, 0], [0, 0, 1], [1, 1, 0]], dtype=bool)
    # Four pixels: the map's are 9, 8, 7 and 3, of which two are in the mask; together they cover six.
    assert map_iou(values, mask) == pytest.approx(2 / 6)


def test_a_perfect_map_has_iou_one_whatever_its_scale() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[2:5, 3:6] = True
    assert map_iou(mask.astype(np.float32) * 1e-9, mask) == 1


def test_a_box_is_cropped_and_resized_as_the_image_was() -> None:
    # 400 x 200: the square is x in [100, 300). The box covers its right half, top quarter.
    mask = annotation_mask([Box(x=200, y=0, width=200, height=50)], centre_square(400, 200), 20)
    expected = np.zeros((20, 20), dtype=bool)
    expected[:5, 10:] = True
    np.testing.assert_array_equal(mask, expected)


def test_several_annotations_are_one_mask(tmp_path: Path) -> None:
    drawn = np.zeros((10, 10), dtype=np.uint8)
    drawn[9, 9] = 255
    Image.fromarray(drawn).save(tmp_path / "mask.png")
    mask = annotation_mask([Box(x=0, y=0, width=2, height=1), tmp_path / "mask.png"], centre_square(10, 10), 10)
    assert [tuple(at) for at in np.argwhere(mask).tolist()] == [(0, 0), (0, 1), (9, 9)]


def test_an_annotation_outside_the_crop_leaves_nothing() -> None:
    assert not annotation_mask([Box(x=0, y=0, width=50, height=50)], centre_square(400, 200), 20).any()


@pytest.mark.parametrize(
    "box", [Box(x=5, y=5, width=0, height=3), Box(x=90, y=5, width=20, height=3), Box(x=-5, y=0, width=9, height=9)]
)
def test_a_box_that_does_not_fit_its_image_is_refused(box: Box) -> None:
    with pytest.raises(AnnotationError):
        annotation_mask([box], centre_square(100, 100), 10)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((4, 5), dtype=np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(AnnotationError, match="5 x 4 pixels, its image 10 x 10"):
        annotation_mask([tmp_path / "mask.png"], centre_square(10, 10), 10)
