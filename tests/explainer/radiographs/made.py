"""Radiographs made by hand, and written in the many ways in which files can say the same."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

if TYPE_CHECKING:
    from pathlib import Path

HEIGHT, WIDTH = 96, 72


def chest(highest: int = 3153, lowest: int = 155) -> np.ndarray:
    """Stored values (HEIGHT, WIDTH) int64 that rise from a corner to the other, with a bright square at the right."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    values = lowest + (highest - lowest) * (rows / (HEIGHT - 1) + columns / (WIDTH - 1)) / 2
    values[10:30, 45:65] = highest
    return np.rint(values).astype(np.int64)


def dataset(stored: np.ndarray, *, bits: int = 12, signed: bool = False, allocated: int = 16, **tags: Any) -> Dataset:
    """A data set of these stored values. A tag of None is left out; a tag of another value replaces what is usual."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    made.PatientName, made.PatientID, made.StudyDate = "Doe^Jane", "secret", "20200101"
    made.Modality, made.ViewPosition = "DX", "PA"
    made.Rows, made.Columns = stored.shape[-2:]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = allocated, bits, bits - 1
    made.PixelRepresentation = int(signed)
    kind = f"{'i' if signed else 'u'}{allocated // 8}"
    made.PixelData = stored.astype(f"<{kind}").tobytes()
    made["PixelData"].VR = "OW"
    for tag, value in tags.items():
        if value is None:
            delattr(made, tag)
        else:
            setattr(made, tag, value)
    return made


def lut(entries: np.ndarray, *, bits: int, first: int = 0, packed: bool = False) -> list[Dataset]:
    """A sequence of one look-up table; `packed` puts two entries of 8 bits into each word."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries) % 2**16, first, bits])
    item.add_new("LUTData", "OW", entries.astype("u1" if packed else "<u2").tobytes())
    return [item]


def file(made: Dataset, path: Path, *, syntax: str = ExplicitVRLittleEndian) -> Path:
    """The data set as a DICOM file with preamble and meta header."""
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    made.file_meta.TransferSyntaxUID = syntax
    made.save_as(path, enforce_file_format=True)
    return path


def bare(made: Dataset, path: Path, *, implicit: bool) -> Path:
    """The data set alone: no preamble, no meta header."""
    stream = io.BytesIO()
    pydicom.filewriter.write_dataset(_filebase(stream, implicit=implicit), made)
    path.write_bytes(stream.getvalue())
    return path


def _filebase(stream: io.BytesIO, *, implicit: bool) -> Any:
    from pydicom.filebase import DicomIO

    base = DicomIO(stream)
    base.is_little_endian, base.is_implicit_VR = True, implicit
    return base
