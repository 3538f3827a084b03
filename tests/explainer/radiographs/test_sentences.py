"""What is refused is refused in words about the file, never in a library's."""

from __future__ import annotations

import io
import re
import struct
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    RLELossless,
)

from explainer.errors import RadiographError
from explainer.radiographs import radiograph_of
from explainer.radiographs.dicom import dicom_picture
from explainer.radiographs.limits import Refused
from tests.explainer.radiographs.made import HEIGHT, WIDTH, chest, compressed, content, dataset

#: Words of Python and of pydicom that must not reach a person.
LIBRARY = re.compile(
    r"Error|Traceback|object|attribute|NoneType|dtype|\(\d{4},\d{4}\)|pylibjpeg|pydicom|argument|tuple"
)


def report() -> bytes:
    made = dataset(chest())
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
    for tag in ("PixelData", "Rows", "Columns", "BitsStored", "BitsAllocated", "HighBit", "PixelRepresentation"):
        delattr(made, tag)
    return content(made)


def encapsulated(data: bytes, syntax: str, **tags: Any) -> bytes:
    made = dataset(chest(), **tags)
    made.PixelData = encapsulate([data])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    return content(made, syntax=syntax)


def floats() -> bytes:
    made = dataset(chest(), PixelData=None, BitsAllocated=32)
    made.FloatPixelData = chest().astype("<f4").tobytes()
    return content(made)


def empty_table() -> bytes:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0])
    item.add_new("LUTData", "OW", b"12")
    return content(dataset(chest(), VOILUTSequence=[item]))


CASES = {
    "cut": (lambda: content(dataset(chest()))[:-5000], "cut short"),
    "header only": (lambda: content(dataset(chest()))[:300], "lacks|holds no picture|damaged"),
    "too much": (lambda: content(dataset(chest(), Rows=HEIGHT // 2)), "at least twice"),
    "no rows": (lambda: content(dataset(chest(), Rows=None)), "lacks Rows"),
    "no columns": (lambda: content(dataset(chest(), Columns=None)), "lacks Columns"),
    "no rows at all": (lambda: content(dataset(chest(), Rows=0)), "Rows is 0"),
    "two heights": (lambda: content(dataset(chest(), Rows=[HEIGHT, 8])), "Rows is not one whole number"),
    "no bits stored": (lambda: content(dataset(chest(), BitsStored=None)), "lacks BitsStored"),
    "no bits allocated": (lambda: content(dataset(chest(), BitsAllocated=None)), "lacks BitsAllocated"),
    "odd bits": (lambda: content(dataset(chest(), BitsAllocated=12)), "12 bits each"),
    "contradiction": (lambda: content(dataset(chest(), HighBit=5)), "contradicts itself"),
    "no sign": (lambda: content(dataset(chest(), PixelRepresentation=None)), "whether its pixel values have a sign"),
    "no photometric": (lambda: content(dataset(chest(), PhotometricInterpretation=None)), "what its pixels mean"),
    "rgb": (
        lambda: content(dataset(chest(), PhotometricInterpretation="RGB", SamplesPerPixel=3)),
        "RGB, which is colour",
    ),
    "palette": (lambda: content(dataset(chest(), PhotometricInterpretation="PALETTE COLOR")), "PALETTE COLOR"),
    "frames": (lambda: content(dataset(chest(), NumberOfFrames=3)), "3 frames"),
    "report": (report, "holds no picture: it is of the kind Basic Text SR"),
    "floats": (floats, "floating-point"),
    "deflated": (lambda: content(dataset(chest()), syntax=DeflatedExplicitVRLittleEndian), "deflated"),
    "order of bytes": (
        lambda: content(dataset(chest())).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0"),
        "own order of bytes",
    ),
    "no slope": (lambda: content(dataset(chest(), RescaleSlope=0, RescaleIntercept=0)), "RescaleSlope is 0"),
    "oblong": (lambda: content(dataset(chest(), PixelSpacing=[0.01, 40])), "which no device makes"),
    "empty table": (empty_table, "look-up table cannot be read"),
    "video": (
        lambda: encapsulated(b"\0\0\1\xb3" + bytes(100), "1.2.840.10008.1.2.4.100"),
        "compressed by MPEG2 .*which is not read",
    ),
    "unnamed": (
        lambda: encapsulated(bytes(100), ExplicitVRLittleEndian),
        "a way that the file does not name, which is not read",
    ),
    "broken jpeg": (lambda: encapsulated(b"\xff\xd8\xff\xe0" + bytes(100), JPEGLosslessSV1), "damaged or cut short"),
    "broken jpeg 2000": (
        lambda: encapsulated(b"\xff\x4f\xff\x51" + bytes(60), JPEG2000Lossless),
        "damaged|header says",
    ),
    "broken rle": (lambda: encapsulated(struct.pack("<16L", 2, 64, 70, *[0] * 13) + bytes(9), RLELossless), "damaged"),
    "wrong size": (
        lambda: compressed(dataset(chest()), "JPEGLosslessProcess14_1").replace(
            struct.pack("<HH2sHH", 0x28, 0x10, b"US", 2, HEIGHT), struct.pack("<HH2sHH", 0x28, 0x10, b"US", 2, 50)
        ),
        f"says {WIDTH} x 50 pixels, its compressed picture has {WIDTH} x {HEIGHT}",
    ),
    "blank by its window": (lambda: content(dataset(chest(), WindowCenter=-9000, WindowWidth=10)), "own window"),
    "blank": (lambda: content(dataset(np.full((HEIGHT, WIDTH), 7))), "blank"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_is_refused_in_words(case: str) -> None:
    made, says = CASES[case]
    data = made()
    read = partial(radiograph_of, data, "x") if "blank" in case else partial(dicom_picture, data)
    with pytest.raises((RadiographError, Refused)) as error:
        read()
    reason = getattr(error.value, "reason", str(error.value))
    assert re.search(says, reason), reason
    assert not LIBRARY.search(reason), reason


def jpeg_cut_in_its_pixels() -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    Image.fromarray(noise).save(stream, format="JPEG")
    return stream.getvalue()[:-2000]


def animated() -> bytes:
    stream = io.BytesIO()
    first, second = (Image.fromarray(np.full((64, 64), value, np.uint8)) for value in (50, 90))
    first.save(stream, format="PNG", save_all=True, append_images=[second])
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (animated(), "animated PNG"),
        (b"no picture at all", "neither PNG, JPEG nor DICOM"),
        (b"II*\0" + bytes(200), "TIFF"),
        (b"\x1f\x8b" + bytes(200), "gzip"),
        (b"\x08\x00\x05\x00" + bytes(range(256)), "neither PNG|damaged|no picture"),
        (b"\xff\xd8\xff" + bytes(50), "damaged or cut short"),
        (jpeg_cut_in_its_pixels(), "damaged or cut short"),
        (bytes(128) + b"DICM", "no picture|damaged"),
        (bytes(128) + b"DICM" + bytes(range(256)) * 4, "no picture|damaged"),
    ],
)
def test_what_is_no_radiograph_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(RadiographError, match=says) as error:
        radiograph_of(data, "x")
    assert not LIBRARY.search(error.value.reason), error.value.reason


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_broken_in_a_file_it_is_read_or_refused_in_words(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(compressed(dataset(chest(), WindowCenter=2000, WindowWidth=3000), "JPEGLosslessProcess14_1"))
    for at in rng.integers(132, len(data), 20):
        data[at] = rng.integers(0, 256)
    try:
        assert radiograph_of(bytes(data), "x").values.size
    except RadiographError as error:
        assert not LIBRARY.search(error.reason), error.reason  # noqa: PT017
