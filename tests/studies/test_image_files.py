"""Image files of others: what is read, what is refused, and that no metadata stays."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image as Picture
from PIL.PngImagePlugin import PngInfo
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from explainer.radiographs import placement_from
from readerstudy.lib.media import media_path
from readerstudy.studies.image_files import FileError, image_store, mask_store
from tests.factories.studies import SIDE, pixels, png

pytestmark = pytest.mark.django_db  # for the media folder


def written(tmp_path: Path, data: bytes, name: str = "given") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def stored_pixels(file: str) -> np.ndarray:
    with Picture.open(media_path(file)) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 16)])
def test_a_png_keeps_every_grey_value(tmp_path: Path, dtype: type, bits: int):
    given = pixels(1, dtype=dtype)

    stored = image_store(written(tmp_path, png(given)))

    assert stored.bits == bits
    assert (stored.width, stored.height) == (SIDE, SIDE)
    assert np.array_equal(stored_pixels(stored.file), given)


def test_a_colour_jpeg_becomes_grey(tmp_path: Path):
    stream = io.BytesIO()
    Picture.fromarray(pixels(2)).convert("RGB").save(stream, format="JPEG", quality=95)

    stored = image_store(written(tmp_path, stream.getvalue()))

    assert stored.bits == 8
    assert stored_pixels(stored.file).ndim == 2


def test_text_and_exif_do_not_stay(tmp_path: Path):
    text, stream = PngInfo(), io.BytesIO()
    text.add_text("Patient", "Jane Doe")
    exif = Picture.Exif()
    exif[0x010E] = "Jane Doe"
    Picture.fromarray(pixels(3)).save(stream, format="PNG", pnginfo=text, exif=exif)
    assert b"Jane Doe" in stream.getvalue()

    stored = image_store(written(tmp_path, stream.getvalue()))

    assert b"Jane Doe" not in media_path(stored.file).read_bytes()


def test_the_same_file_is_stored_once(tmp_path: Path):
    data = png(pixels(4))

    first = image_store(written(tmp_path, data, "one.png"))
    second = image_store(written(tmp_path, data, "two.png"))

    assert first.file == second.file
    assert (first.created, second.created) == (True, False)


def colour_16_bit() -> bytes:
    """A PNG header that says 16-bit RGB."""
    data = bytearray(png(pixels(5)))
    data[24], data[25] = 16, 2
    return bytes(data)


def transparent() -> bytes:
    stream = io.BytesIO()
    grey = Picture.fromarray(pixels(6))
    Picture.merge("LA", (grey, grey)).save(stream, format="PNG")
    return stream.getvalue()


def gif() -> bytes:
    stream = io.BytesIO()
    Picture.fromarray(pixels(7)).save(stream, format="GIF")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "neither PNG"),
        (gif(), "neither PNG"),
        (png(pixels(8))[:500], "damaged or cut short"),
        (png(np.full((SIDE, SIDE), 9, np.uint8)), "blank"),
        (png(pixels(9)[:4, :4]), "too few"),
        (colour_16_bit(), "16-bit colour"),
        (transparent(), "transparent"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason_and_leaves_nothing(tmp_path: Path, data: bytes, says: str):
    with pytest.raises(FileError, match=says):
        image_store(written(tmp_path, data))

    assert not [path for path in media_path("images").rglob("*") if path.is_file()]


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decompressed(tmp_path: Path):
    stream = io.BytesIO()
    Picture.new("1", (20_000, 20_000)).save(stream, format="PNG")
    assert len(stream.getvalue()) < 100_000

    with pytest.raises(FileError, match="pixels are more than"):
        image_store(written(tmp_path, stream.getvalue()))


def test_a_mask_must_have_the_size_of_its_image_and_something_in_it(tmp_path: Path):
    inside = np.zeros((SIDE, SIDE), np.uint8)
    empty = written(tmp_path, png(inside), "empty.png")
    inside[3:9, 4:7] = 1
    good = written(tmp_path, png(inside), "good.png")

    same = placement_from(None, width=SIDE, height=SIDE)
    name, _ = mask_store(good, placement=same)
    assert np.array_equal(stored_pixels(name) > 0, inside > 0)
    with pytest.raises(FileError, match="has 64 x 64 pixels, its image 32 x 32"):
        mask_store(good, placement=placement_from(None, width=32, height=32))
    with pytest.raises(FileError, match="empty"):
        mask_store(empty, placement=same)


def dicom(path: Path, values: np.ndarray, *, bits: int, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> Path:
    """A DICOM file made by hand."""
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    dataset.PatientName, dataset.PatientID, dataset.StudyDate = "Doe^Jane", "secret", "20200101"
    dataset.Modality, dataset.ViewPosition = "DX", "PA"
    dataset.Rows, dataset.Columns = values.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (8 if bits == 8 else 16), bits, bits - 1
    dataset.PixelRepresentation = 0
    dataset.PixelData = values.tobytes()
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_dicom_of_12_bits_keeps_more_than_8(tmp_path: Path):
    values = np.linspace(0, 4095, SIDE * SIDE).astype(np.uint16).reshape(SIDE, SIDE)

    stored = image_store(dicom(tmp_path / "a.dcm", values, bits=12))

    assert stored.bits == 16
    assert len(np.unique(stored_pixels(stored.file))) == len(np.unique(values)) > 256


def test_a_window_maps_its_edges_to_black_and_white(tmp_path: Path):
    # PS3.3 C.11.2.1.2.1: below centre - 0.5 - (width - 1)/2 black, above centre - 0.5 + (width - 1)/2 white.
    values = np.repeat(np.array([[900], [999], [1500], [2001], [3000], [4095]], np.uint16), SIDE, axis=1)
    values = np.repeat(values, 12, axis=0)

    stored = image_store(dicom(tmp_path / "a.dcm", values, bits=12, WindowCenter=1500, WindowWidth=1000))
    column = stored_pixels(stored.file)[::12, 0].astype(float) / 65535

    assert column == pytest.approx([0, 0, 0.5, 1, 1, 1], abs=0.001)


def test_monochrome1_is_inverted(tmp_path: Path):
    values = pixels(11)

    as_is = image_store(dicom(tmp_path / "2.dcm", values, bits=8))
    inverted = image_store(dicom(tmp_path / "1.dcm", values, bits=8, PhotometricInterpretation="MONOCHROME1"))

    assert np.array_equal(stored_pixels(as_is.file), values)
    assert np.array_equal(stored_pixels(inverted.file), 255 - values)


def test_of_dicom_only_technical_tags_stay(tmp_path: Path):
    stored = image_store(dicom(tmp_path / "a.dcm", pixels(12), bits=8))

    assert stored.technical["Modality"] == "DX"
    assert stored.technical["ViewPosition"] == "PA"
    assert not {"secret", "Doe^Jane", "20200101"} & {str(value) for value in stored.technical.values()}
    assert b"secret" not in media_path(stored.file).read_bytes()


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"syntax": DeflatedExplicitVRLittleEndian}, "deflated"),
        ({"NumberOfFrames": 4}, "4 frames"),
        ({"NumberOfFrames": 1_000_000}, "more than"),
        ({"Rows": 65_000, "Columns": 65_000}, "more than"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "RGB"),
    ],
)
def test_dicom_that_could_do_harm_is_refused(tmp_path: Path, tags: dict, says: str):
    with pytest.raises(FileError, match=says):
        image_store(dicom(tmp_path / "a.dcm", pixels(13), bits=8, **tags))


def test_dicom_that_says_it_bears_text_comes_in_with_that_doubt(tmp_path: Path):
    stored = image_store(dicom(tmp_path / "a.dcm", pixels(13), bits=8, BurnedInAnnotation="YES", Modality="CT"))

    assert {"text", "modality"} <= set(stored.doubts)


def test_dicom_that_is_cut_short_is_refused(tmp_path: Path):
    whole = dicom(tmp_path / "a.dcm", pixels(14), bits=8).read_bytes()

    with pytest.raises(FileError, match="cut short"):
        image_store(written(tmp_path, whole[: len(whole) // 2]))


def test_the_decoder_of_dicom_has_little_memory():
    code = "from explainer.radiographs.sandbox import limit; limit(); x = bytearray(3 * 1024**3)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "MemoryError" in done.stderr


@pytest.mark.shared_data
def test_real_dicom_of_both_kinds_are_negatives_of_each_other(shared_data_dir: Path):
    # The folder holds one radiograph twice: as MONOCHROME2, and with the same bytes called MONOCHROME1.
    by_kind = {}
    for path in (shared_data_dir / "dicom").iterdir():
        stored = image_store(path)
        by_kind[stored.technical["PhotometricInterpretation"]] = stored_pixels(stored.file)

    assert by_kind["MONOCHROME2"].shape == (1024, 1024)
    assert np.array_equal(by_kind["MONOCHROME1"], 255 - by_kind["MONOCHROME2"])
