"""PNG and JPEG files as whole numbers, turned and shaped as the file says."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from explainer.radiographs.geometry import MOST_OBLONG, ORIENTATIONS, UPRIGHT
from explainer.radiographs.limits import MAX_PIXELS, Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_DEPTH, _PNG_COLOUR = 24, 25
_OPAQUE = 255
_ORIENTATION = 0x0112
_DEEP = ("I;16", "I;16B", "I;16L", "I")
_PLAIN = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_COLOURED = ("P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")
_DAMAGED = "it is damaged or cut short: copy or export it again"
#: How files begin that people take for radiographs, and what these are.
_OTHERS = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"\x00\x00\x00\x0cjP", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"RIFF", "WebP"),
    (b"%PDF", "PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "compressed by gzip"),
)


@dataclass(frozen=True)
class StoredPicture:
    """Grey values as stored (H, W), of 8 or 16 bits; EXIF's `orientation`; `ratio`, a pixel's height over its width.

    `colour` (H, W, 3), uint8, is there where not all pixels are grey.
    """

    values: NDArray[Any]
    bits: int
    orientation: int
    ratio: float
    mode: str
    colour: NDArray[np.uint8] | None = None


def is_picture(data: bytes) -> bool:
    """Whether a file begins as PNG or JPEG does."""
    return data.startswith((_PNG, _JPEG))


def is_png(data: bytes) -> bool:
    """Whether a file begins as PNG does."""
    return data.startswith(_PNG)


def stored_picture(data: bytes) -> StoredPicture:
    """Grey values of a PNG or JPEG file; colour becomes luminance. Raises Refused."""
    if data.startswith(_PNG) and data[_PNG_DEPTH : _PNG_DEPTH + 1] == b"\x10" and data[_PNG_COLOUR] != 0:
        raise Refused("16-bit colour PNG is not read, since it would lose bits: save it as 16-bit grey")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if image.width * image.height > MAX_PIXELS:  # before a single one is decompressed
                raise Refused(f"{image.width} x {image.height} pixels are more than the {MAX_PIXELS:,} that are read")
            if image.format == "PNG" and getattr(image, "n_frames", 1) > 1:
                raise Refused("it is an animated PNG; a radiograph has one picture: save the one that is meant")
            image.load()
            values, bits = _grey(image)
            return StoredPicture(values, bits, _orientation(image), _ratio(image), image.mode, _colour(image))
    except UnidentifiedImageError as error:
        raise Refused(_unidentified(data)) from error
    except Image.DecompressionBombError as error:  # Pillow's own limit, where it comes before ours
        raise Refused(f"its pixels are more than the {MAX_PIXELS:,} that are read") from error
    except (OSError, SyntaxError, ValueError, OverflowError) as error:
        raise Refused(_DAMAGED) from error


def other_kind(data: bytes) -> str:
    """The sentence about a file that is no radiograph."""
    if not data:
        return "it is empty, so neither PNG, JPEG nor DICOM: copy or export it again"
    kind = next((kind for start, kind in _OTHERS if data.startswith(start)), None)
    of_kind = f"it is {kind}, " if kind else "it is "
    return f"{of_kind}neither PNG, JPEG nor DICOM: save it as 16-bit grey PNG, or give the DICOM file"


def _unidentified(data: bytes) -> str:
    if not data.startswith(_JPEG):
        return _DAMAGED
    from explainer.radiographs.codestream import codestream_of

    if codestream_of(data) is None:
        return _DAMAGED
    return "it is a JPEG of a kind that no browser reads (12 bits or lossless): save it as 16-bit grey PNG"


def _grey(image: Image.Image) -> tuple[NDArray[Any], int]:
    if image.mode in _DEEP:
        values = np.asarray(image)
        if values.min() < 0 or values.max() >= 2**16:
            raise Refused("it has pixels beyond 16 bits: save it as 16-bit grey")
        return values.astype(np.uint16), 16
    if image.mode not in _PLAIN:
        raise Refused(f"its pixels are of the kind {image.mode}: save it as 8-bit or 16-bit grey")
    if image.mode in ("LA", "PA", "RGBA") and np.asarray(image.getchannel("A")).min() < _OPAQUE:
        raise Refused("it has transparent pixels: flatten it first")
    # A palette has to become colours before colours become grey.
    colours = image.convert("RGB") if image.mode in ("P", "PA") else image
    return np.asarray(colours.convert("L")), 8


def _colour(image: Image.Image) -> NDArray[np.uint8] | None:
    if image.mode not in _COLOURED:
        return None
    colour = np.asarray(image.convert("RGB"))
    return None if (colour[..., :1] == colour).all() else colour


def _orientation(image: Image.Image) -> int:
    """What EXIF says; anything but 1 to 8 says nothing."""
    found = image.getexif().get(_ORIENTATION, UPRIGHT)
    return int(found) if found in ORIENTATIONS else UPRIGHT


def _ratio(image: Image.Image) -> float:
    """Height of a stored pixel over its width, where the file gives two densities (pHYs, JFIF)."""
    pair = image.info.get("aspect") or image.info.get("dpi") or image.info.get("jfif_density") or (1, 1)
    across, down = (float(value) for value in pair)
    if min(across, down) <= 0 or not 1 / MOST_OBLONG <= across / down <= MOST_OBLONG:
        return 1.0
    return across / down
