"""What a compressed picture says of itself: its kind, depth and size, read from its first bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

#: Start-of-frame markers and what decoders call the process: PS3.5 A.4.
_FRAMES = {
    0xC0: "1.2.840.10008.1.2.4.50",
    0xC1: "1.2.840.10008.1.2.4.51",
    0xC2: "1.2.840.10008.1.2.4.51",
    0xC3: "1.2.840.10008.1.2.4.57",
    0xF7: "1.2.840.10008.1.2.4.81",
}
_JPEG_2000 = "1.2.840.10008.1.2.4.91"
_SOI, _SIZ = b"\xff\xd8\xff", b"\xff\x4f\xff\x51"
_JP2 = b"\x00\x00\x00\x0cjP"
_SIGNED = 0x80
#: Of the capabilities: PS3.5 A.4.4 and part 15 of JPEG 2000.
_HIGH_THROUGHPUT = 0x4000
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True)
class Codestream:
    """A compressed picture. `syntax` is the transfer syntax of its process, whatever the file says."""

    data: bytes
    syntax: str
    precision: int
    signed: bool
    rows: int
    columns: int
    components: int
    high_throughput: bool = False


def begins(data: bytes) -> bool:
    """Whether a JPEG, JPEG-LS or JPEG 2000 picture begins here."""
    return data.startswith((_SOI, _SIZ, _JP2))


def codestream_of(data: bytes) -> Codestream | None:
    """The description of a compressed picture; None where it is of no known kind or breaks off."""
    try:
        if data.startswith(_JP2):
            # The boxes of a file are no part of DICOM, but writers have put them there.
            start = data.find(_SIZ)
            return None if start < 0 else _jpeg_2000(data[start:])
        if data.startswith(_SIZ):
            return _jpeg_2000(data)
        return _jpeg(data) if data.startswith(_SOI) else None
    except (struct.error, IndexError):
        return None


def _jpeg_2000(data: bytes) -> Codestream:
    right, lower, left, upper = struct.unpack(">4I", data[8:24])
    (components,) = struct.unpack(">H", data[40:42])
    (capabilities,) = struct.unpack(">H", data[6:8])
    depth = data[42]
    return Codestream(
        data,
        _JPEG_2000,
        (depth & ~_SIGNED) + 1,
        signed=bool(depth & _SIGNED),
        rows=lower - upper,
        columns=right - left,
        components=components,
        high_throughput=bool(capabilities & _HIGH_THROUGHPUT),
    )


def _jpeg(data: bytes) -> Codestream | None:
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if marker in _FRAMES:
            precision, rows, columns, components = struct.unpack(">BHHB", data[at + 4 : at + 10])
            return Codestream(
                data, _FRAMES[marker], precision, signed=False, rows=rows, columns=columns, components=components
            )
        at += 2 + length
    return None
