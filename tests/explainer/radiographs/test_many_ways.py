"""One radiograph, stored in the many ways in which DICOM can say the same, is one picture with one score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from explainer import load_classifier, phantoms
from explainer.radiographs import png_of
from explainer.radiographs.dicom import dicom_picture
from explainer.scores import score
from tests.explainer.radiographs.made import bare, chest, compressed, content, dataset, lut

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from explainer.classifiers import Classifier

#: The window of which the picture is white at 4095 and black at 0, by PS3.3 C.11.2.1.2.
WINDOW: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
#: A quarter of a grey level of 8 bits, and the rounding of tables with so many entries.
CLOSE = 0.001
#: Ways of which the score is asked too.
SCORED = ("window", "negative slope", "MONOCHROME1", "upper bits", "VOI LUT that says 16", "signed")


def _big_endian(values: np.ndarray) -> bytes:
    made = dataset(values, **WINDOW)
    made.PixelData = values.astype(">u2").tobytes()
    return content(made, syntax=ExplicitVRBigEndian)


def _enhanced(values: np.ndarray) -> bytes:
    frame = Dataset()
    frame.FrameVOILUTSequence, frame.PixelValueTransformationSequence = [Dataset()], [Dataset()]
    frame.FrameVOILUTSequence[0].WindowCenter, frame.FrameVOILUTSequence[0].WindowWidth = 1048, 4096
    transformation = frame.PixelValueTransformationSequence[0]
    transformation.RescaleSlope, transformation.RescaleIntercept = 1, -1000
    return content(dataset(values, NumberOfFrames=1, PerFrameFunctionalGroupsSequence=[frame]))


def _overlay_in_high_bits(values: np.ndarray) -> bytes:
    return content(dataset(values | (np.arange(values.size).reshape(values.shape) % 3 << 13), **WINDOW))


WAYS: dict[str, Callable[[np.ndarray], bytes]] = {
    "window": lambda v: content(dataset(v, **WINDOW)),
    "several windows": lambda v: content(dataset(v, WindowCenter=[2048, 40], WindowWidth=[4096, 400])),
    "no window": lambda v: content(dataset(v)),
    "implicit": lambda v: content(dataset(v, **WINDOW), syntax=ImplicitVRLittleEndian),
    "big endian": _big_endian,
    "no meta header, explicit": lambda v: bare(dataset(v, **WINDOW), implicit=False),
    "no meta header, implicit": lambda v: bare(dataset(v, **WINDOW), implicit=True),
    "no preamble": lambda v: content(dataset(v, **WINDOW))[132:],
    "marker without preamble": lambda v: content(dataset(v, **WINDOW))[128:],
    "negative slope": lambda v: content(dataset(4095 - v, RescaleSlope=-1, RescaleIntercept=4095, **WINDOW)),
    "negative slope, no window": lambda v: content(dataset(4095 - v, RescaleSlope=-1, RescaleIntercept=0)),
    "MONOCHROME1": lambda v: content(dataset(4095 - v, PhotometricInterpretation="MONOCHROME1", **WINDOW)),
    "MONOCHROME1 with its shape": lambda v: content(
        dataset(4095 - v, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE", **WINDOW)
    ),
    "shape alone": lambda v: content(dataset(4095 - v, PresentationLUTShape="INVERSE", **WINDOW)),
    "signed": lambda v: content(dataset(v - 2048, signed=True, WindowCenter=0, WindowWidth=4096)),
    "signed with the intercept": lambda v: content(
        dataset(v - 2048, signed=True, RescaleSlope=1, RescaleIntercept=2048, **WINDOW)
    ),
    "signed in the upper bits": lambda v: content(
        dataset((v - 2048) * 16, signed=True, HighBit=15, WindowCenter=0, WindowWidth=4096)
    ),
    "upper bits": lambda v: content(dataset(v << 4, HighBit=15, **WINDOW)),
    "no HighBit": lambda v: content(dataset(v, HighBit=None, **WINDOW)),
    "anything in the other bits": _overlay_in_high_bits,
    "32 bits allocated": lambda v: content(dataset(v, allocated=32, **WINDOW)),
    "exact window": lambda v: content(dataset(v, VOILUTFunction="LINEAR_EXACT", WindowCenter=2047.5, WindowWidth=4095)),
    "fine slope": lambda v: content(
        dataset(v, RescaleSlope="0.0001", RescaleIntercept=0, WindowCenter="0.20475", WindowWidth="0.4095")
    ),
    "16 bits in use": lambda v: content(dataset(v * 16, bits=16)),
    "VOI LUT": lambda v: content(dataset(v, VOILUTSequence=lut(np.arange(4096), bits=12))),
    "VOI LUT of 16 bits": lambda v: content(dataset(v, VOILUTSequence=lut(np.arange(4096) * 16, bits=16))),
    "VOI LUT that says 16": lambda v: content(dataset(v, VOILUTSequence=lut(np.arange(4096), bits=16))),
    "VOI LUT that says 10": lambda v: content(dataset(v, VOILUTSequence=lut(np.arange(4096), bits=10))),
    "VOI LUT from a negative value": lambda v: content(
        dataset(v - 2048, signed=True, VOILUTSequence=lut(np.arange(4096), bits=12, first=-2048))
    ),
    "VOI LUT from a negative value in Hounsfield units": lambda v: content(
        dataset(
            v, RescaleSlope=1, RescaleIntercept=-1024, VOILUTSequence=lut(np.arange(4096), bits=12, first=2**16 - 1024)
        )
    ),
    "Modality LUT": lambda v: content(dataset(v, ModalityLUTSequence=lut(np.arange(4096), bits=12), **WINDOW)),
    "Modality LUT of 16 bits, no window": lambda v: content(
        dataset(v, ModalityLUTSequence=lut(np.arange(4096) * 16, bits=16))
    ),
    "enhanced": _enhanced,
    **{
        process: lambda v, process=process: compressed(dataset(v, **WINDOW), process)  # type: ignore[misc]
        for process in (
            "JPEGLosslessProcess14",
            "JPEGLosslessProcess14_1",
            "JPEGLSLossless",
            "JPEG2000Lossless",
            "RLELossless",
        )
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_the_picture_is_the_same(way: str) -> None:
    values = chest()
    found = dicom_picture(WAYS[way](values)).grey.values / 65535
    assert np.abs(found - values / 4095).mean() < CLOSE


def test_8_bit_tables_give_the_same_picture_to_8_bits() -> None:
    values, entries = chest(), np.arange(4096) // 16
    for packed in (False, True):
        for tag in ("VOILUTSequence", "ModalityLUTSequence"):
            table: dict[str, Any] = {tag: lut(entries, bits=8, packed=packed)}
            made = dataset(values, **table)
            found = dicom_picture(content(made)).grey.values / 65535
            assert np.abs(found - values / 4095).mean() < 1 / 255


def test_tables_of_big_endian_files_are_read_in_their_order() -> None:
    values = chest()
    for packed, entries, bits in ((False, np.arange(4096), 12), (True, np.arange(4096) // 16, 8)):
        made = dataset(values, VOILUTSequence=lut(entries, bits=bits, packed=packed))
        made.PixelData = values.astype(">u2").tobytes()
        table = made.VOILUTSequence[0]
        table.LUTData = np.frombuffer(table.LUTData, "<u2").astype(">u2").tobytes()
        found = dicom_picture(content(made, syntax=ExplicitVRBigEndian)).grey.values / 65535
        assert np.abs(found - values / 4095).mean() < 1 / 255


def test_a_rescale_without_both_of_its_numbers_is_none() -> None:
    values = chest()
    numbers: list[dict[str, Any]] = [{"RescaleSlope": 2}, {"RescaleIntercept": -1000}]
    for tags in numbers:
        assert (
            np.abs(dicom_picture(content(dataset(values, **tags, **WINDOW))).grey.values / 65535 - values / 4095).mean()
            < CLOSE
        )


def test_a_window_without_width_is_none() -> None:
    for width in (0, -5, ""):
        grey = dicom_picture(content(dataset(chest(), WindowCenter=1000, WindowWidth=width))).grey
        assert grey.window_from == "declared range"
    second = dicom_picture(content(dataset(chest(), WindowCenter=[40, 2048], WindowWidth=[0, 4096]))).grey
    assert np.abs(second.values / 65535 - chest() / 4095).mean() < CLOSE


def test_padding_of_the_header_is_left_out_of_the_range() -> None:
    values = chest()
    values[:20] = -2000
    made = dataset(values, bits=16, signed=True)
    # A writer gives it without its sign, and with a limit on its other side.
    made.add_new("PixelPaddingValue", "US", 2**16 - 2000)
    made.add_new("PixelPaddingRangeLimit", "US", 2**16 - 1900)
    grey = dicom_picture(content(made)).grey
    low, high = values[20:].min(), values.max()
    assert grey.window_from == "range in use"
    assert np.abs(grey.values / 65535 - np.clip((values - low) / (high - low), 0, 1)).mean() < CLOSE


def _scores(classifier: Classifier, folder: Path, grey: np.ndarray) -> dict[str, dict[str, float]]:
    """Every target's score of a picture of 8 bits, as PNG and in several other ways."""
    values = np.rint(grey.astype(np.float64) * 4095 / 255).astype(np.int64)
    values[0, 0], values[-1, -1] = 0, 4095  # so that the range in use is the whole one
    files = {f"{way}.dcm": WAYS[way](values) for way in SCORED} | {
        "plain.png": png_of(np.rint(values * (255 / 4095)).astype(np.uint8)),
        "12 of 16 bits.png": png_of(values.astype(np.uint16)),
        "12 of 16 bits.dcm": content(dataset(values, bits=16)),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {path.name: scores for path, scores in score([folder / name for name in files], classifier)}


def _differences(scores: dict[str, dict[str, float]]) -> float:
    return max(abs(scores[name][target] - scores["plain.png"][target]) for name in scores for target in scores[name])


def test_the_score_of_a_phantom_is_the_same(tmp_path: Path) -> None:
    assert phantoms.main(["--count", "1", "--seed", "3", "--out", str(tmp_path / "phantoms")]) == 0
    (path,) = (tmp_path / "phantoms" / "images").glob("*.png")
    with Image.open(path) as image:
        scores = _scores(load_classifier("phantom-small"), tmp_path, np.asarray(image))
    assert _differences(scores) < 0.005


@pytest.mark.shared_data
def test_the_score_of_an_x_ray_is_the_same(tmp_path: Path, shared_data_dir: Path) -> None:
    path = min((shared_data_dir / "nih" / "images").glob("*.jpg"))
    with Image.open(path) as image:
        scores = _scores(load_classifier("nih-small"), tmp_path, np.asarray(image.convert("L")))
    assert _differences(scores) < 0.005
