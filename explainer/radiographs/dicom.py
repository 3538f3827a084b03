"""One DICOM radiograph, from its bytes to grey values; only ever called in a process with limits (`sandbox`)."""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explainer.radiographs.header import Header, header_of
from explainer.radiographs.limits import Refused
from explainer.radiographs.stored import stored_values

if TYPE_CHECKING:
    from explainer.radiographs.greyscale import GreyPicture

PREAMBLE, MARKER = 128, b"DICM"
#: Data elements of these groups are the first of a file: of its meta header, or of the data set itself.
_FIRST_GROUPS = (0x0002, 0x0008)
_MOST_OF_A_FIRST_ELEMENT = 0x0100
_META = struct.pack("<H", 0x0002)
_LONG = (b"OB", b"OW", b"SQ", b"UN", b"UT")
_SYNTAX = 0x0010
#: A few kilobytes of deflated data can expand to gigabytes, and no radiograph needs it.
_DEFLATED = ("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205", "1.2.840.10008.1.2.8.1")

#: GE's own: a little-endian file with big-endian pixels.
_MIXED_ORDER = "1.2.840.113619.5.2"


@dataclass(frozen=True)
class DicomPicture:
    """Grey values of a file and what its header says about them."""

    grey: GreyPicture
    header: Header
    syntax: str


def is_dicom(data: bytes) -> bool:
    """Whether a file says that it is DICOM."""
    return data[PREAMBLE : PREAMBLE + len(MARKER)] == MARKER or data.startswith(MARKER)


def could_be_dicom(data: bytes) -> bool:
    """Whether a file begins as a data set without preamble or meta header does."""
    if len(data) < PREAMBLE:
        return False
    for order in "<>":
        group, element = struct.unpack(f"{order}HH", data[:4])
        if group in _FIRST_GROUPS and element <= _MOST_OF_A_FIRST_ELEMENT:
            return True
    return False


def dicom_picture(data: bytes) -> DicomPicture:
    """Grey values of a DICOM file with or without preamble and meta header. Raises Refused."""
    import pydicom

    data = _with_preamble(data)
    declared = _meta_syntax(data)
    if declared == _MIXED_ORDER:
        raise Refused("its pixels are stored in GE's own order of bytes, which is not read: store it as Explicit VR")
    if declared in _DEFLATED:
        raise Refused("it is deflated DICOM, which is refused: store it uncompressed or as JPEG Lossless")
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    if not is_dicom(data) and "Rows" not in dataset and "SOPClassUID" not in dataset:
        raise Refused("it is neither PNG, JPEG nor DICOM")
    little_endian = bool(dataset.original_encoding[1])
    syntax = str(_meta(dataset).get("TransferSyntaxUID") or "")
    header = header_of(dataset, little_endian=little_endian)
    stored = stored_values(dataset, header, syntax=syntax, little_endian=little_endian)
    return DicomPicture(header.scale.picture(stored), header, syntax)


def _meta(dataset: Any) -> Any:
    return getattr(dataset, "file_meta", None) or {}


def _with_preamble(data: bytes) -> bytes:
    """The file as it should be: some lack the preamble, others the marker too."""
    if data.startswith(MARKER):
        return bytes(PREAMBLE) + data
    if not is_dicom(data) and data.startswith(_META):
        return bytes(PREAMBLE) + MARKER + data
    return data


def _meta_syntax(data: bytes) -> str:
    """The transfer syntax of the meta header, read without inflating what may follow."""
    at = PREAMBLE + len(MARKER)
    while data[at : at + 2] == _META and at + 12 <= len(data):
        (element,) = struct.unpack("<H", data[at + 2 : at + 4])
        kind = data[at + 4 : at + 6]
        if kind in _LONG:
            start, (length,) = at + 12, struct.unpack("<L", data[at + 8 : at + 12])
        elif re.fullmatch(rb"[A-Z]{2}", kind):
            start, (length,) = at + 8, struct.unpack("<H", data[at + 6 : at + 8])
        else:  # implicit, against the standard
            start, (length,) = at + 8, struct.unpack("<L", data[at + 4 : at + 8])
        if element == _SYNTAX:
            return data[start : start + length].decode("ascii", "replace").strip("\0 ")
        at = start + length
    return ""
