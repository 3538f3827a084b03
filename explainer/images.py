"""Image files to float arrays in a model's range: centre crop, antialiased resize, linear scaling, nothing else."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from explainer.errors import ImageError
from explainer.types import FloatMap, Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from explainer.classifiers import Classifier

#: Larger images than any radiograph are refused before they are decompressed.
MAX_PIXELS = 100_000_000
_EIGHT_BITS = 255
_SIXTEEN_BITS = 65535
#: Transfer syntax whose few bytes can expand to any amount of memory.
_DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True)
class Pixels:
    """Grey values as stored, (H, W), and the largest value that the format allows (255 or 65535)."""

    values: NDArray[np.uint8] | NDArray[np.uint16]
    maximum: int


def read_pixels(path: Path) -> Pixels:
    """Grey values of a PNG, JPEG or DICOM file; colour is reduced to luminance.

    Raises ImageError if the file is missing, damaged, too large, of another format, or of one value throughout.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        raise ImageError(f"{path.name} cannot be opened: {error.strerror or error}.") from error
    pixels = _read_dicom(path) if head[128:] == b"DICM" else _read_with_pillow(path)
    if pixels.values.min() == pixels.values.max():
        raise ImageError(f"{path.name} is blank: every pixel has the value {pixels.values.flat[0]}.")
    return pixels


def _read_with_pillow(path: Path) -> Pixels:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            _check_size(path, image.width * image.height)
            return _grey(path, image)
    except UnidentifiedImageError as error:
        raise ImageError(f"{path.name} is neither PNG, JPEG nor DICOM.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path.name} is damaged or cut short: {error}.") from error


def _grey(path: Path, image: Image.Image) -> Pixels:
    if image.mode in ("I;16", "I;16B", "I;16L"):
        return Pixels(np.asarray(image).astype(np.uint16), _SIXTEEN_BITS)
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > _SIXTEEN_BITS:
            raise ImageError(f"{path.name} has pixels beyond 16 bits.")
        return Pixels(values.astype(np.uint16), _SIXTEEN_BITS)
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"):
        raise ImageError(f"{path.name} has the pixel format {image.mode}; use 8 or 16 bit grey.")
    # A palette has to become colours before colours become grey.
    colours = image.convert("RGB") if image.mode in ("P", "PA") else image
    return Pixels(np.asarray(colours.convert("L")), _EIGHT_BITS)


def _read_dicom(path: Path) -> Pixels:
    try:
        # pydicom warns about small deviations from the standard; they do not matter for the pixels.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fraction = _decoded(path)
    except ImageError:
        raise
    # Its decoders raise whatever a damaged file makes of them: struct.error, TypeError, IndexError and more.
    except Exception as error:
        raise ImageError(f"{path.name} is DICOM that cannot be decoded: {error}.") from error
    return Pixels(np.rint(fraction * _SIXTEEN_BITS).astype(np.uint16), _SIXTEEN_BITS)


def _decoded(path: Path) -> NDArray[np.float64]:
    """Pixels of one grey DICOM image as a fraction of the display range, 1 being white."""
    try:
        import pydicom  # only DICOM needs it
        from pydicom.filereader import read_file_meta_info
    except ImportError as error:
        raise ImageError(f"{path.name} is DICOM and pydicom is not installed: pip install pydicom.") from error
    # Before anything else is read: to read any of a deflated file, pydicom inflates all of it.
    if str(read_file_meta_info(path).TransferSyntaxUID) == _DEFLATED:
        raise ImageError(f"{path.name} is deflated DICOM, which is refused: store it uncompressed or as JPEG.")
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if photometric not in ("MONOCHROME1", "MONOCHROME2") or frames != 1:
        raise ImageError(f"{path.name} is no single grey image ({photometric}, {frames} frames).")
    _check_size(path, int(dataset.Rows) * int(dataset.Columns))
    fraction = _windowed(pydicom.dcmread(path))
    return 1 - fraction if photometric == "MONOCHROME1" else fraction


def _windowed(dataset: Any) -> NDArray[np.float64]:
    """Pixels as a fraction of the full display range, after the modality and VOI transformations of the file."""
    from pydicom.pixels.processing import apply_rescale, apply_voi_lut

    stored = dataset.pixel_array
    bits = int(dataset.BitsStored)
    lowest, highest = (
        (0, 2**bits - 1) if dataset.PixelRepresentation == 0 else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    slope, intercept = float(dataset.get("RescaleSlope", 1) or 1), float(dataset.get("RescaleIntercept", 0) or 0)
    low, high = sorted((lowest * slope + intercept, highest * slope + intercept))
    values = np.asarray(apply_voi_lut(apply_rescale(stored, dataset), dataset), dtype=np.float64)
    if dataset.get("VOILUTSequence"):
        low, high = 0.0, float(2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1)
    fraction: NDArray[np.float64] = np.clip((values - low) / (high - low), 0, 1)
    return fraction


def _check_size(path: Path, pixels: int) -> None:
    if pixels > MAX_PIXELS:
        raise ImageError(f"{path.name} has {pixels:,} pixels; at most {MAX_PIXELS:,} are read.")


def centre_square(width: int, height: int) -> Geometry:
    """Largest centred square of an image."""
    side = min(width, height)
    return Geometry(width=width, height=height, left=(width - side) // 2, top=(height - side) // 2, side=side)


def crop_and_resize(values: NDArray[Any], geometry: Geometry, size: int) -> FloatMap:
    """The square of `values` (H, W) as float32 (size, size); the bilinear filter widens when shrinking."""
    left, top, side = geometry.left, geometry.top, geometry.side
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    square = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.array(square, dtype=np.float32)


def load_array(path: Path, *, size: int, input_range: tuple[float, float]) -> tuple[FloatMap, Geometry]:
    """Image as float32 (size, size) in `input_range`, and how its square was cut out."""
    pixels = read_pixels(path)
    geometry = centre_square(pixels.values.shape[1], pixels.values.shape[0])
    low, high = input_range
    square = crop_and_resize(pixels.values, geometry, size)
    return (square / np.float32(pixels.maximum) * np.float32(high - low) + np.float32(low)).astype(np.float32), geometry


def load_image(path: str | Path, classifier: Classifier) -> Tensor:
    """Image as float32 (1, 1, H, W) in the classifier's size and range, on its device."""
    import torch  # the rest of this module is used where torch must not be loaded

    array, _ = load_array(Path(path), size=classifier.input_size, input_range=classifier.input_range)
    return torch.from_numpy(array)[None, None].to(classifier.device)
