"""Compressed pixels, however their fragments lie in the file."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import dcmread
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1

from explainer.radiographs.dicom import dicom_picture
from explainer.radiographs.limits import Refused
from tests.explainer.radiographs.made import chest, compressed, content, dataset

KINDS = ("JPEGLosslessProcess14", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless", "RLELossless")


@pytest.mark.parametrize("process", KINDS)
@pytest.mark.parametrize(
    ("bits", "allocated", "signed"),
    [(8, 8, False), (8, 16, False), (10, 16, False), (12, 16, True), (16, 16, False), (16, 16, True)],
)
def test_lossless_compression_changes_nothing(process: str, bits: int, allocated: int, *, signed: bool) -> None:
    noise = np.random.default_rng(1).integers(0, 2**bits, chest().shape) - (2 ** (bits - 1) if signed else 0)
    made = dataset(noise, bits=bits, allocated=allocated, signed=signed)
    plain = dicom_picture(content(made)).grey.values
    assert np.array_equal(dicom_picture(compressed(made, process)).grey.values, plain)


def test_jpeg_of_12_bits_is_near() -> None:
    made = dataset(chest())
    found = dicom_picture(compressed(made, "JPEGExtendedProcess2_4")).grey.values
    assert np.abs(found - chest() * (65535 / 4095)).mean() < 0.005 * 65535


def _frame() -> bytes:
    (frame,) = generate_frames(
        dcmread(DicomBytesIO(compressed(dataset(chest()), "JPEGLosslessProcess14_1"))).PixelData, number_of_frames=1
    )
    return frame


def _item(data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    return b"\xfe\xff\x00\xe0" + struct.pack("<L", len(data)) + data


def _with(pixels: bytes, syntax: str = JPEGLosslessSV1) -> bytes:
    made = dataset(chest())
    made.PixelData = pixels
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    return content(made, syntax=syntax)


def test_the_table_of_offsets_may_be_absent_empty_or_wrong_and_fragments_many() -> None:
    frame, plain = _frame(), dicom_picture(content(dataset(chest()))).grey.values
    pieces = b"".join(_item(frame[start : start + 500]) for start in range(0, len(frame), 500))
    for pixels in (
        encapsulate([frame]),
        _item(b"") + pieces,
        _item(struct.pack("<L", 123456)) + pieces,
        _item(struct.pack("<3L", 0, 500, 1000)) + pieces,
        pieces,
    ):
        assert np.array_equal(dicom_picture(_with(pixels)).grey.values, plain)


def test_the_kind_of_compression_is_taken_from_the_picture_where_the_header_is_wrong() -> None:
    plain = dicom_picture(content(dataset(chest()))).grey.values
    for syntax in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90", ExplicitVRLittleEndian):
        assert np.array_equal(dicom_picture(_with(encapsulate([_frame()]), syntax)).grey.values, plain)


@pytest.mark.parametrize("process", [*KINDS, "JPEGExtendedProcess2_4", "JPEG2000"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_compressed_picture_that_is_cut_short_is_refused(process: str, share: float) -> None:
    noise = np.clip(chest() + np.random.default_rng(2).integers(-30, 30, chest().shape), 0, 4095)
    made = dcmread(DicomBytesIO(compressed(dataset(noise), process)))
    (frame,) = generate_frames(made.PixelData, number_of_frames=1)
    made.PixelData = encapsulate([frame[: int(len(frame) * share)]])
    with pytest.raises(Refused, match="damaged or cut short"):
        dicom_picture(content(made, syntax=made.file_meta.TransferSyntaxUID))


def test_high_throughput_jpeg_2000_is_named() -> None:
    made = dcmread(DicomBytesIO(compressed(dataset(chest()), "JPEG2000Lossless")))
    (frame,) = generate_frames(made.PixelData, number_of_frames=1)
    made.PixelData = encapsulate([frame[:6] + b"\x40\x00" + frame[8:]])
    with pytest.raises(Refused, match="High-Throughput JPEG 2000, which is not read"):
        dicom_picture(content(made, syntax=made.file_meta.TransferSyntaxUID))


def test_two_compressed_pictures_are_refused() -> None:
    with pytest.raises(Refused, match="several"):
        dicom_picture(_with(_item(b"") + _item(_frame()) + _item(_frame())))
