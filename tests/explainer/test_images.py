"""Images reach the model centred, resized and scaled, or are refused with a reason."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from explainer.errors import ImageError
from explainer.images import centre_square, load_array, load_image, read_pixels
from tests.explainer.models import Linear, classifier_of, seeded

RANGE = (-1024.0, 1024.0)


def save(folder: Path, pixels: np.ndarray, name: str = "image.png") -> Path:
    Image.fromarray(pixels).save(folder / name)
    return folder / name


def test_8_bits_become_the_range_from_minus_1024_to_1024(tmp_path: Path) -> None:
    path = save(tmp_path, np.array([[0, 255], [51, 204]], dtype=np.uint8))
    array, _ = load_array(path, size=2, input_range=RANGE)
    # 2 * v / 255 - 1, times 1024
    np.testing.assert_allclose(array, [[-1024, 1024], [-614.4, 614.4]], rtol=1e-6)
    assert array.dtype == np.float32


def test_16_bits_keep_their_precision(tmp_path: Path) -> None:
    path = save(tmp_path, np.array([[0, 65535], [32768, 32769]], dtype=np.uint16))
    array, _ = load_array(path, size=2, input_range=RANGE)
    np.testing.assert_allclose(array.ravel()[:2], [-1024, 1024])
    assert array[1, 1] - array[1, 0] == pytest.approx(2048 / 65535, rel=1e-2)


def test_a_wide_image_is_cropped_to_its_central_square(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8), dtype=np.uint8)
    pixels[:, 2:6] = 200
    pixels[0, 2] = 100
    path = save(tmp_path, pixels)
    array, geometry = load_array(path, size=4, input_range=(0, 255))
    np.testing.assert_allclose(array, pixels[:, 2:6], atol=1e-4)
    assert (geometry.left, geometry.top, geometry.side, geometry.width, geometry.height) == (2, 0, 4, 8, 4)


def test_the_centre_square_of_odd_sizes_lies_within_the_image() -> None:
    geometry = centre_square(5, 8)
    assert (geometry.left, geometry.top, geometry.side) == (0, 1, 5)


def test_shrinking_averages_instead_of_dropping_pixels(tmp_path: Path) -> None:
    # A checkerboard of single pixels: picking pixels would give 0 or 255, averaging gives their mean.
    board = ((np.indices((64, 64)).sum(axis=0) % 2) * 255).astype(np.uint8)
    array, _ = load_array(save(tmp_path, board), size=8, input_range=(0, 255))
    np.testing.assert_allclose(array, 127.5, atol=1.5)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_colour_formats_of_a_grey_image_are_read_as_that_grey(tmp_path: Path, mode: str) -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3
    Image.fromarray(pixels).convert(mode).save(tmp_path / "image.png")
    np.testing.assert_array_equal(read_pixels(tmp_path / "image.png").values, pixels)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no image at all", "neither PNG, JPEG nor DICOM"),
        (b"", "neither PNG"),
        (b"GIF89a" + bytes(200), "neither PNG"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "image.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=reason):
        read_pixels(path)


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ImageError, match="damaged or cut short"):
        read_pixels(path)


def test_a_dicom_file_of_nonsense_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.PhotometricInterpretation = "MONOCHROME2"
    # Two heights, where DICOM knows one: pydicom hands out a list, which no number can be made of.
    dataset.Rows, dataset.Columns = [8, 8], 8
    dataset.save_as(path, enforce_file_format=True)
    with pytest.raises(ImageError, match=r"image\.dcm is DICOM that cannot be decoded"):
        read_pixels(path)


def test_a_deflated_dicom_file_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.3"
    dataset.save_as(path, enforce_file_format=True)
    # Whoever inflates this stops at the first byte of it.
    path.write_bytes(path.read_bytes()[:-8] + bytes([255] * 8))
    with pytest.raises(ImageError, match="deflated DICOM, which is refused"):
        read_pixels(path)


def test_a_blank_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="blank: every pixel has the value 7"):
        read_pixels(save(tmp_path, np.full((9, 9), 7, dtype=np.uint8)))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"gone\.png cannot be opened"):
        read_pixels(tmp_path / "gone.png")


def test_load_image_gives_a_batch_of_one_that_the_classifier_takes(tmp_path: Path) -> None:
    classifier = classifier_of(Linear(seeded(1, 64)))
    path = save(tmp_path, np.arange(100, dtype=np.uint8).reshape(10, 10))
    image = load_image(path, classifier)
    assert tuple(image.shape) == (1, 1, 8, 8)
    assert tuple(classifier(image).shape) == (1, 1)


@pytest.mark.shared_data
def test_monochrome1_dicom_is_inverted_and_monochrome2_is_not(shared_data_dir: Path) -> None:
    import pydicom

    found = set()
    for path in (shared_data_dir / "dicom").glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        pixels = read_pixels(path)
        stored = dataset.pixel_array
        order = np.corrcoef(stored.ravel(), pixels.values.ravel())[0, 1]
        assert pixels.maximum == 65535
        assert (order < -0.9) if dataset.PhotometricInterpretation == "MONOCHROME1" else (order > 0.9)
        found.add(dataset.PhotometricInterpretation)
    assert found == {"MONOCHROME1", "MONOCHROME2"}
