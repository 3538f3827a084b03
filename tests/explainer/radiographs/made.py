"""Radiographs made by hand, and written in the many ways in which files can say the same."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gdcm
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from explainer.radiographs.dicom import dicom_picture

if TYPE_CHECKING:
    from explainer.radiographs.greyscale import GreyPicture

HEIGHT, WIDTH = 96, 72


def chest(highest: int = 3153, lowest: int = 155) -> np.ndarray:
    """Stored values (HEIGHT, WIDTH) int64 that rise from a corner to the other, with a bright square at the right."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    values = lowest + (highest - lowest) * (rows / (HEIGHT - 1) + columns / (WIDTH - 1)) / 2
    values[10:30, 45:65] = highest
    found: np.ndarray = np.rint(values).astype(np.int64)
    return found


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
            del made[tag]
        else:
            setattr(made, tag, value)
    return made


def picture(made: Dataset, *, syntax: str = ExplicitVRLittleEndian) -> GreyPicture:
    """What the data set becomes, without a process of its own, which the tests of files have."""
    return dicom_picture(content(made, syntax=syntax)).grey


def content(made: Dataset, *, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The bytes of a DICOM file with preamble and meta header."""
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    made.file_meta.TransferSyntaxUID = UID(syntax)
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def lut(entries: np.ndarray, *, bits: int, first: int = 0, packed: bool = False) -> list[Dataset]:
    """A sequence of one look-up table; `packed` puts two entries of 8 bits into each word."""
    item = Dataset()
    item.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries) % 2**16, first, bits])
    item.add_new("LUTData", "OW", entries.astype("u1" if packed else "<u2").tobytes())
    return [item]


def bare(made: Dataset, *, implicit: bool, little_endian: bool = True) -> bytes:
    """The data set alone: no preamble, no meta header."""
    base = DicomBytesIO()
    base.is_little_endian, base.is_implicit_VR = little_endian, implicit
    write_dataset(base, made)
    return base.getvalue()


def compressed(made: Dataset, process: str) -> bytes:
    """The file as GDCM compresses it; `process` is GDCM's name of a transfer syntax."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = str(Path(folder) / "a.dcm"), str(Path(folder) / "b.dcm")
        Path(source).write_bytes(content(made))
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(source)
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, process)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFileName(target)
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return Path(target).read_bytes()
