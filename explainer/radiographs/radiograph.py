"""A file as the radiograph that people and models see: the one way from a file to grey values and geometry."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from explainer.errors import RadiographError
from explainer.radiographs.dicom import could_be_dicom, is_dicom
from explainer.radiographs.geometry import UPRIGHT, Placement, square_size, stretched, transposes, turned
from explainer.radiographs.greyscale import DECLARED, VOI_LUT, WINDOW, GreyScale
from explainer.radiographs.limits import MAX_BYTES, MAX_PIXELS, MIN_SIDE, Refused
from explainer.radiographs.pictures import is_picture, other_kind, stored_picture
from explainer.radiographs.sandbox import decoded

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_DEEP_OF_BYTE = 257


@dataclass(frozen=True, kw_only=True)
class Radiograph:
    """Grey values (H, W), uint8 or uint16, 0 black (air) and the type's maximum white, with square pixels, upright.

    `bits` are those of a stored value, `photometric` is the file's own word for its pixels, `window_from` what decided
    on black and white (`voi_lut`, `window`, `declared range` or `range in use`), `technical` the few allowed DICOM tags
    and `colour` (H, W, 3), uint8, what a coloured file was before it became grey, as stored.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    bits: int
    photometric: str
    window_from: str
    placement: Placement
    technical: dict[str, Any] = field(default_factory=dict)
    colour: NDArray[np.uint8] | None = None

    @property
    def maximum(self) -> int:
        """The value of white."""
        return int(np.iinfo(self.values.dtype).max)

    @property
    def spacing_corrected(self) -> bool:
        """Whether pixels that were not square were made so."""
        return (self.placement.width, self.placement.height) != self.placement.turned_size

    @property
    def orientation_applied(self) -> bool:
        """Whether the picture was turned as the file says."""
        return self.placement.orientation != UPRIGHT

    @property
    def sixteen_bits(self) -> NDArray[np.uint16]:
        """The same picture with 65535 as white."""
        if self.values.dtype == np.uint16:
            return self.values.astype(np.uint16)
        return self.values.astype(np.uint16) * np.uint16(_DEEP_OF_BYTE)

    def doubts(self, view: str = "") -> tuple[str, ...]:
        """Names of what makes it doubtful that this is one frontal chest; `view` is what a table of labels calls it."""
        from explainer.radiographs.doubts import find_doubts  # with scipy, which pages and classifiers do without

        grey = self.values.astype(np.float32) / np.float32(self.maximum)
        found = find_doubts(grey, facts={**self.technical, "view": view}, colour=self.colour)
        return tuple(doubt.value for doubt in found)


def radiograph_read(path: Path) -> Radiograph:
    """Read a PNG, JPEG or DICOM file. Raises RadiographError with what is wrong with it and what would help."""
    return radiograph_of(file_bytes(path), path.name)


def file_bytes(path: Path) -> bytes:
    """The content of a file, unless it is too large. Raises RadiographError."""
    try:
        if not path.is_file():
            raise RadiographError(path.name, "there is no such file")
        if path.stat().st_size > MAX_BYTES:
            raise RadiographError(path.name, f"the file is larger than {MAX_BYTES // 1024**2} MiB")
        return path.read_bytes()
    except OSError as error:
        raise RadiographError(path.name, f"it cannot be opened ({error.strerror or 'no reason given'})") from error


def radiograph_of(data: bytes, name: str) -> Radiograph:
    """The radiograph in a file's content; `name` is for the error. Raises RadiographError."""
    try:
        return _radiograph(data)
    except Refused as refused:
        raise RadiographError(name, str(refused)) from refused


def png_of(values: NDArray[Any]) -> bytes:
    """Grey values as PNG, without any metadata."""
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(stream, format="PNG", compress_level=3)
    return stream.getvalue()


def _radiograph(data: bytes) -> Radiograph:
    if is_dicom(data):
        return _of_dicom(data)
    if is_picture(data):
        return _of_picture(data)
    if could_be_dicom(data):
        return _of_dicom(data)
    raise Refused(other_kind(data))


def _of_dicom(data: bytes) -> Radiograph:
    file = decoded(data)
    values, placement = _placed(file.values, UPRIGHT, file.ratio)
    _check_not_blank(values, file.window_from)
    return Radiograph(
        values=values,
        bits=file.bits,
        photometric=file.photometric,
        window_from=file.window_from,
        placement=placement,
        technical=file.technical,
    )


def _of_picture(data: bytes) -> Radiograph:
    file = stored_picture(data)
    if file.values.min() == file.values.max():
        raise Refused(f"it is blank: every pixel has the value {file.values.flat[0]}")
    grey = GreyScale(bits=file.bits)
    # The eight bits of PNG and JPEG are what every program shows, however few of them are in use.
    shown = grey.picture(file.values) if file.bits > 8 else None
    values, placement = _placed(file.values if shown is None else shown.values, file.orientation, file.ratio)
    return Radiograph(
        values=values,
        bits=file.bits,
        photometric=file.mode,
        window_from=shown.window_from if shown else DECLARED,
        placement=placement,
        colour=file.colour,
    )


def _placed(stored: NDArray[Any], orientation: int, ratio: float) -> tuple[NDArray[Any], Placement]:
    """Turned upright, then with square pixels; `ratio` is of the pixels as they are stored."""
    upright = np.ascontiguousarray(turned(stored, orientation))
    height, width = upright.shape
    if min(height, width) < MIN_SIDE:
        raise Refused(f"{width} x {height} pixels are too few for a radiograph: give the original, not a thumbnail")
    across, down = square_size(width, height, 1 / ratio if transposes(orientation) else ratio)
    if across * down > MAX_PIXELS:
        raise Refused(f"with square pixels it has {across} x {down}, more than the {MAX_PIXELS:,} that are read")
    placement = Placement(
        stored_width=stored.shape[1], stored_height=stored.shape[0], orientation=orientation, width=across, height=down
    )
    return stretched(upright, across, down), placement


def _check_not_blank(values: NDArray[Any], window_from: str) -> None:
    if values.min() != values.max():
        return
    if window_from in (WINDOW, VOI_LUT):
        raise Refused(
            "it is blank: its own window or VOI LUT makes all pixels black or white; correct that in the file"
        )
    raise Refused("it is blank: all pixels have one value")
