"""Image files of others, made ours: read with limits, checked, and kept as plain grey PNG without any metadata."""

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from readerstudy.lib.dicom import MARKER, MARKER_OFFSET, DicomError, dicom_read
from readerstudy.lib.media import content_name, media_path, media_write

MAX_BYTES = 256 * 1024**2
MAX_PIXELS = 64_000_000
MIN_SIDE = 32
# A 16-bit file that uses twelve bits or fewer of its range looks black, to a reader and to a classifier.
DARK_16_BIT = 2**12
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH, _PNG_COLOUR = 24, 25
_OPAQUE = 255


class FileError(Exception):
    """A file that is not taken; the message says why."""


@dataclass(frozen=True)
class StoredImage:
    """An image in the media folder. `created` tells whether this call put it there."""

    sha256: str
    file: str
    width: int
    height: int
    bits: int
    technical: dict[str, Any] = field(default_factory=dict)
    created: bool = False


def image_store(path: Path) -> StoredImage:
    """Decode a PNG, JPEG or DICOM file and keep its pixels. Raises FileError."""
    data = _read(path)
    sha256 = hashlib.sha256(data).hexdigest()
    technical: dict[str, Any] = {}
    if data[MARKER_OFFSET : MARKER_OFFSET + len(MARKER)] == MARKER:
        try:
            decoded = dicom_read(path)
        except DicomError as error:
            raise FileError(f"DICOM: {error}") from error
        png, bits, technical = decoded.png, decoded.bits, decoded.technical
        with Picture.open(io.BytesIO(png), formats=("PNG",)) as picture:
            picture.load()
            pixels = np.asarray(picture)
    else:
        pixels = _grey(data)
        bits = pixels.dtype.itemsize * 8
        png = _png(pixels)
    height, width = pixels.shape
    if min(height, width) < MIN_SIDE:
        raise FileError(f"{width} x {height} pixels are too few for a radiograph")
    if pixels.min() == pixels.max():
        raise FileError("it is blank: all pixels have one value")
    name = content_name("images", sha256, ".png")
    created = _keep(name, png)
    return StoredImage(sha256, name, width, height, bits, technical, created)


def mask_store(path: Path, *, width: int, height: int) -> tuple[str, bool]:
    """Keep a mask image (inside is non-zero) of this size; its name, and whether it is new. Raises FileError."""
    data = _read(path)
    inside = _grey(data) > 0
    if inside.shape != (height, width):
        raise FileError(f"the mask has {inside.shape[1]} x {inside.shape[0]} pixels, its image {width} x {height}")
    if not inside.any():
        raise FileError("the mask is empty: no pixel is above zero")
    name = content_name("masks", hashlib.sha256(data).hexdigest(), ".png")
    return name, _keep(name, _png(inside.astype(np.uint8) * np.uint8(_OPAQUE)))


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise FileError("there is no such file")
        if path.stat().st_size > MAX_BYTES:
            raise FileError(f"the file is larger than {MAX_BYTES // 1024**2} MiB")
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror or error}") from error


def _keep(name: str, data: bytes) -> bool:
    if media_path(name).exists():
        return False
    media_write(name, data)
    return True


def _png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Picture.fromarray(pixels).save(stream, format="PNG", compress_level=3)
    return stream.getvalue()


def _grey(data: bytes) -> np.ndarray:
    """Grey values of a PNG or JPEG as uint8 or uint16 (H, W)."""
    if data.startswith(_PNG_SIGNATURE) and data[_PNG_DEPTH : _PNG_DEPTH + 1] == b"\x10" and data[_PNG_COLOUR] != 0:
        raise FileError("16-bit colour PNG is not read, since it would lose bits: save it as 16-bit grey")
    try:
        with Picture.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > MAX_PIXELS:  # before a single one is decompressed
                raise FileError(f"{picture.width} x {picture.height} pixels are more than {MAX_PIXELS:,}")
            picture.load()
            return _grey_of(picture)
    except UnidentifiedImageError as error:
        raise FileError("it is neither PNG, 8-bit JPEG nor DICOM") from error
    except Picture.DecompressionBombError as error:  # Pillow's own limit, where it comes before ours
        raise FileError(f"its pixels are more than {MAX_PIXELS:,}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise FileError(f"it is damaged or cut short: {error}") from error


def _grey_of(picture: Picture.Image) -> np.ndarray:
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() >= 2**16:
            raise FileError("it has pixels beyond 16 bits")
        if values.max() < DARK_16_BIT:
            raise FileError(f"its 16-bit pixels only go up to {values.max()}, so it is black: rescale them to 0-65535")
        return values.astype(np.uint16)
    if picture.mode in {"LA", "PA", "RGBA"} and np.asarray(picture.getchannel("A")).min() < _OPAQUE:
        raise FileError("it has transparent pixels: flatten it first")
    if picture.mode not in {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}:
        raise FileError(f"its pixels are of the kind {picture.mode}: save it as grey")
    colours = picture.convert("RGB") if picture.mode in {"P", "PA"} else picture
    return np.asarray(colours.convert("L"))
