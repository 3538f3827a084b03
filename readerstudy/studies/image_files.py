"""Image files of others, made ours: read and checked by the one reader, kept as plain grey PNG without any metadata."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from explainer.catalogue.doubts import Doubt
from explainer.errors import RadiographError
from explainer.radiographs import Placement, file_bytes, mask_of, png_of, radiograph_of
from readerstudy.lib.media import content_name, media_path, media_write

_INSIDE = np.uint8(255)


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
    doubts: tuple[str, ...] = ()
    created: bool = False


def image_store(path: Path, *, view: str = "") -> StoredImage:
    """Read a PNG, JPEG or DICOM file and keep the picture that readers see; `view` is the table's. Raises FileError."""
    try:
        data = file_bytes(path)
        radiograph = radiograph_of(data, path.name)
    except RadiographError as error:
        raise FileError(error.reason) from error
    height, width = radiograph.values.shape
    name, created = _keep("images", png_of(radiograph.values))
    technical = {**radiograph.technical, "window_from": radiograph.window_from}
    if not radiograph.placement.unchanged:
        technical["placement"] = radiograph.placement.as_dict()
    bits = radiograph.values.dtype.itemsize * 8
    return StoredImage(
        sha256=hashlib.sha256(data).hexdigest(),
        file=name,
        width=width,
        height=height,
        bits=bits,
        technical=technical,
        doubts=radiograph.doubts(view),
        created=created,
    )


def picture_doubts(file: str, *, technical: Mapping[str, Any], view: str, known: Sequence[str]) -> list[str]:
    """The doubts about a stored picture. Colours are not stored, so that a `known` doubt about them stays.

    Without its file the known ones are all there is to say.
    """
    from explainer.radiographs.doubts import find_doubts  # with scipy, which no page needs

    path = media_path(file)
    if not path.is_file():
        return list(known)
    with Picture.open(path, formats=("PNG",)) as picture:
        values = np.asarray(picture)
    grey = values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)
    found = {*find_doubts(grey, facts={**technical, "view": view}), *({Doubt.COLOUR.value} & set(known))}
    return [doubt.value for doubt in Doubt if doubt.value in found]


def mask_store(path: Path, *, placement: Placement) -> tuple[str, bool]:
    """Keep a mask image (inside is non-zero) of a picture; its name, and whether it is new. Raises FileError."""
    try:
        data = file_bytes(path)
        inside = mask_of(data, path.name, placement)
    except RadiographError as error:
        raise FileError(error.reason) from error
    return _keep("masks", png_of(inside.astype(np.uint8) * _INSIDE))


def _keep(folder: str, png: bytes) -> tuple[str, bool]:
    """Keep a picture under the digest of its own bytes, so that a file which is read otherwise one day is new."""
    name = content_name(folder, hashlib.sha256(png).hexdigest(), ".png")
    if media_path(name).exists():
        return name, False
    media_write(name, png)
    return name, True
