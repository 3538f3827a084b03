"""Images reach the model centred, resized and scaled, or are refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainer.images import centre_square, load_array, load_image
from tests.explainer.models import Linear, classifier_of, seeded

RANGE = (-1024.0, 1024.0)
SIDE = 32
BLOCK = np.ones((16, 16), dtype=np.uint8)


def save(folder: Path, pixels: np.ndarray, name: str = "image.png") -> Path:
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def test_8_bits_become_the_range_from_minus_1024_to_1024(tmp_path: Path) -> None:
    path = save(tmp_path, np.kron(np.array([[0, 255], [51, 204]], dtype=np.uint8), BLOCK))
    array = load_array(path, size=SIDE, input_range=RANGE)[0][::16, ::16]
    # 2 * v / 255 - 1, times 1024
    np.testing.assert_allclose(array, np.array([[-1024, 1024], [-614.4, 614.4]]), rtol=1e-6)
    assert array.dtype == np.float32


def test_16_bits_keep_their_precision(tmp_path: Path) -> None:
    path = save(tmp_path, np.kron(np.array([[0, 65535], [32768, 32769]], dtype=np.uint16), BLOCK))
    array = load_array(path, size=SIDE, input_range=RANGE)[0][::16, ::16]
    np.testing.assert_allclose(array.ravel()[:2], [-1024, 1024])
    assert array[1, 1] - array[1, 0] == pytest.approx(2048 / 65535, rel=1e-2)


def test_a_wide_image_is_cropped_to_its_central_square(tmp_path: Path) -> None:
    pixels = np.zeros((32, 64), dtype=np.uint8)
    pixels[:, 16:48] = 200
    pixels[0, 16] = 100
    path = save(tmp_path, pixels)
    array, geometry = load_array(path, size=SIDE, input_range=(0, 255))
    np.testing.assert_allclose(array, pixels[:, 16:48], atol=1e-4)
    assert (geometry.left, geometry.top, geometry.side, geometry.width, geometry.height) == (16, 0, 32, 64, 32)


def test_the_centre_square_of_odd_sizes_lies_within_the_image() -> None:
    geometry = centre_square(5, 8)
    assert (geometry.left, geometry.top, geometry.side) == (0, 1, 5)


def test_shrinking_averages_instead_of_dropping_pixels(tmp_path: Path) -> None:
    # A checkerboard of single pixels: picking pixels would give 0 or 255, averaging gives their mean.
    board = ((np.indices((64, 64)).sum(axis=0) % 2) * 255).astype(np.uint8)
    array, _ = load_array(save(tmp_path, board), size=8, input_range=(0, 255))
    np.testing.assert_allclose(array, 127.5, atol=1.5)


def test_load_image_gives_a_batch_of_one_that_the_classifier_takes(tmp_path: Path) -> None:
    classifier = classifier_of(Linear(seeded(1, 64)))
    path = save(tmp_path, np.arange(2500, dtype=np.uint16).astype(np.uint8).reshape(50, 50))
    image = load_image(path, classifier)
    assert tuple(image.shape) == (1, 1, 8, 8)
    assert tuple(classifier(image).shape) == (1, 1)
