"""The pixel data of a DICOM file as whole numbers: decompressed, in the right byte order, with the bits that count."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from explainer.radiographs.codestream import Codestream, begins, codestream_of
from explainer.radiographs.limits import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from explainer.radiographs.header import Header

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_UNDEFINED = 0xFFFFFFFF
_RLE = "1.2.840.10008.1.2.5"
_BYTE = 8
_CUT = "its pixel data are cut short: {found:,} bytes of {expected:,} are there; copy or export the file again"
_DAMAGED = "its compressed pixels are damaged or cut short: copy or export the file again"


def stored_values(dataset: Any, header: Header, *, syntax: str, little_endian: bool) -> NDArray[Any]:
    """Stored values (H, W), as HighBit, BitsStored and PixelRepresentation make them. Raises Refused."""
    element = dataset["PixelData"]
    data = bytes(element.value or b"")
    too_few = len(data) < header.rows * header.columns * header.allocated // _BYTE
    if data.startswith(_ITEM) and (element.is_undefined_length or _is_encapsulated(syntax) or too_few):
        cells, shift = _decompressed(_fragments(data), header, syntax)
    else:
        words = element.VR != "OB"
        cells, shift = _native(data, header, little_endian=little_endian, words=words), _shift(header)
    return _significant(cells, header, shift)


def _is_encapsulated(syntax: str) -> bool:
    from pydicom.uid import UID

    known = UID(syntax)
    return bool(syntax) and known.is_transfer_syntax and bool(known.is_encapsulated)


def _shift(header: Header) -> int:
    return header.high_bit + 1 - header.scale.bits


def _significant(cells: NDArray[Any], header: Header, shift: int) -> NDArray[Any]:
    """The bits that hold a value, with its sign; cells may hold overlays or anything else beside them."""
    bits = header.scale.bits
    wide = np.int64 if header.allocated > 2 * _BYTE else np.int32
    values: NDArray[Any] = np.right_shift(cells.astype(wide), shift) & (2**bits - 1)
    if header.scale.signed:
        values -= (values >> (bits - 1)) << bits
    return values


def _native(data: bytes, header: Header, *, little_endian: bool, words: bool) -> NDArray[Any]:
    size = header.allocated // _BYTE
    count = header.rows * header.columns
    if len(data) < count * size:
        raise Refused(_CUT.format(found=len(data), expected=count * size))
    if len(data) >= 2 * count * size:
        raise Refused(
            f"its pixel data hold {len(data):,} bytes, at least twice the {count * size:,} that its header describes: "
            "it has several pictures, or a wrong header; export it again from where it came"
        )
    if size == 1 and words and not little_endian:  # two pixels a word, the first in its low byte
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    order = "<" if little_endian else ">"
    return np.frombuffer(data, f"{order}u{size}", count=count).reshape(header.rows, header.columns)


def _fragments(data: bytes) -> list[bytes]:
    """The fragments of one compressed picture; the table of offsets is not needed for that, and often wrong."""
    fragments, at = [], 0
    while at + _BYTE <= len(data) and data[at : at + 4] == _ITEM:
        (length,) = struct.unpack("<L", data[at + 4 : at + 8])
        if length == _UNDEFINED or at + 8 + length > len(data):
            raise Refused(_DAMAGED)
        fragments.append(data[at + 8 : at + 8 + length])
        at += 8 + length
    if fragments and not begins(fragments[0]):
        del fragments[0]  # the offsets; some writers leave them out
    if not any(fragments):
        raise Refused(_DAMAGED)
    if sum(map(begins, fragments)) > 1:
        raise Refused("it holds several compressed pictures; a radiograph has one: export the one that is meant")
    return fragments


def _decompressed(fragments: list[bytes], header: Header, syntax: str) -> tuple[NDArray[Any], int]:
    """Cells of a compressed picture, and by how many bits its values lie too high in them."""
    data = b"".join(fragments)
    if (stream := codestream_of(data)) is not None:
        if (stream.rows, stream.columns) != (header.rows, header.columns):
            raise Refused(
                f"its header says {header.columns} x {header.rows} pixels, its compressed picture has "
                f"{stream.columns} x {stream.rows}: export it again from where it came"
            )
        if stream.high_throughput:
            raise Refused(
                "its pixels are compressed by High-Throughput JPEG 2000, which is not read: store it uncompressed or "
                "as JPEG 2000"
            )
        if stream.components != 1:
            raise Refused("its compressed picture is colour: save it as grey (MONOCHROME2)")
        # A compressor that knew of the 12 bits in 16 has moved them down; one that took all 16 has not.
        return _codestream_cells(stream), _shift(header) if stream.precision > header.scale.bits else 0
    if syntax == _RLE:
        return _rle(data, header), _shift(header)
    if begins(data):
        raise Refused(_DAMAGED)
    from pydicom.uid import UID

    way = UID(syntax).name if _is_encapsulated(syntax) else "a way that the file does not name"
    raise Refused(f"its pixels are compressed by {way}, which is not read: store it uncompressed or as JPEG Lossless")


def _codestream_cells(stream: Codestream) -> NDArray[Any]:
    """Decoded by GDCM, which knows every process of JPEG and JPEG-LS and JPEG 2000."""
    import gdcm

    allocated = _BYTE if stream.precision <= _BYTE else 2 * _BYTE
    if stream.precision > 2 * _BYTE:
        raise Refused(f"its compressed pixels have {stream.precision} bits; at most 16 are read")
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream.data)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((stream.columns, stream.rows, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(stream.syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(1, allocated, stream.precision, stream.precision - 1, int(stream.signed)))
    image.SetPlanarConfiguration(0)
    decoded = image.GetBuffer()
    if decoded is None:
        raise Refused(_DAMAGED)
    data = decoded.encode("utf-8", "surrogateescape") if isinstance(decoded, str) else bytes(decoded)
    expected = stream.rows * stream.columns * allocated // _BYTE
    if len(data) < expected:
        raise Refused(_DAMAGED)
    cells = np.frombuffer(data[:expected], f"<u{allocated // _BYTE}")
    return cells.reshape(stream.rows, stream.columns)


def _rle(data: bytes, header: Header) -> NDArray[Any]:
    """PS3.5 annex G: the bytes of the cells, the high ones first, each as a segment of runs."""
    size, count = header.allocated // _BYTE, header.rows * header.columns
    if len(data) < 64:
        raise Refused(_DAMAGED)
    segments, *offsets = struct.unpack("<16L", data[:64])
    if segments != size:
        raise Refused(_DAMAGED)
    ends = [*offsets[1:segments], len(data)]
    planes = [_unpacked(data[start:end], count) for start, end in zip(offsets[:segments], ends, strict=True)]
    return np.stack(planes, axis=-1).view(f">u{size}").reshape(header.rows, header.columns)


def _unpacked(data: bytes, count: int) -> NDArray[np.uint8]:
    """A segment of runs and literals as `count` bytes."""
    plane, at = bytearray(), 0
    while len(plane) < count and at + 1 < len(data):
        length = data[at]
        if length < 0x80:
            plane += data[at + 1 : at + 2 + length]
            at += 2 + length
        elif length == 0x80:
            at += 1
        else:
            plane += data[at + 1 : at + 2] * (257 - length)
            at += 2
    if len(plane) < count:
        raise Refused(_DAMAGED)
    return np.frombuffer(bytes(plane[:count]), np.uint8)
