"""What a DICOM header says about its pixels, made plain and checked; nothing else of it is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from explainer.radiographs.geometry import MOST_OBLONG
from explainer.radiographs.greyscale import FUNCTIONS, Function, GreyScale, LookUpTable, Rescale, Window
from explainer.radiographs.limits import MAX_PIXELS, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

#: All that is kept of a file besides its pixels. None of it names a person, a place, a device or a date.
TECHNICAL_TAGS = (
    "Modality",
    "BodyPartExamined",
    "ViewPosition",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsStored",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "WindowCenter",
    "WindowWidth",
    "PatientOrientation",
    "PresentationIntentType",
    "BurnedInAnnotation",
)
#: Macros of enhanced objects whose content older objects have in the header itself.
_MACROS = ("PixelMeasuresSequence", "FrameVOILUTSequence", "PixelValueTransformationSequence")
_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
#: Height and width of a pixel, most trustworthy first.
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "PixelAspectRatio")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_ALLOCATED = (8, 16, 32)
_BYTE, _WORD = 8, 16
_SIGN = 2 ** (_WORD - 1)
_TEXT = 64
#: What pydicom raises at values that are not of the type that their tag has.
_BAD_VALUE = (ValueError, TypeError, ArithmeticError, AttributeError, NotImplementedError, LookupError)


@dataclass(frozen=True, kw_only=True)
class Header:
    """Size, layout of the bits, grey scale and shape of the pixels. `ratio` is a pixel's height over its width."""

    rows: int
    columns: int
    allocated: int
    high_bit: int
    photometric: str
    scale: GreyScale
    ratio: float
    technical: dict[str, Any] = field(default_factory=dict)


def header_of(dataset: Any, *, little_endian: bool = True) -> Header:
    """The header of one grey picture. Raises Refused."""
    _check_is_picture(dataset)
    _check_frames(dataset)
    photometric = _text(dataset, "PhotometricInterpretation").upper()
    if photometric not in _GREY:
        raise Refused(
            f"its pixels are {photometric}, which is colour: save it as grey (MONOCHROME2)"
            if photometric
            else "it does not say what its pixels mean (PhotometricInterpretation is missing), so bright and dark "
            "could be exchanged: export it again from where it came"
        )
    if _integer(dataset, "SamplesPerPixel", 1) != 1:
        raise Refused("it has several values for each pixel, which is colour: save it as grey (MONOCHROME2)")
    allocated, bits = _required(dataset, "BitsAllocated"), _required(dataset, "BitsStored")
    high_bit = _integer(dataset, "HighBit", bits - 1)
    if allocated not in _ALLOCATED:
        raise Refused(f"its pixels take {allocated} bits each; those of a radiograph take 8, 16 or 32")
    if not 1 <= bits <= allocated or not bits - 1 <= high_bit < allocated:
        raise Refused(
            f"its header contradicts itself: {bits} bits up to bit {high_bit} cannot lie within {allocated} "
            "(BitsStored, HighBit, BitsAllocated): export it again from where it came"
        )
    scale = _grey_scale(_with_functional_groups(dataset), bits, photometric, little_endian=little_endian)
    return Header(
        rows=_required(dataset, "Rows"),
        columns=_required(dataset, "Columns"),
        allocated=allocated,
        high_bit=high_bit,
        photometric=photometric,
        scale=scale,
        ratio=_ratio(_with_functional_groups(dataset)),
        technical=_technical(_with_functional_groups(dataset)),
    )


def _check_is_picture(dataset: Any) -> None:
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise Refused("its pixels are floating-point numbers (a computed map): only whole grey values are read")
    kind = getattr(dataset.get("SOPClassUID"), "name", "")
    if "PixelData" not in dataset:
        of_kind = f": it is of the kind {kind}" if kind else ""
        raise Refused(f"it holds no picture{of_kind}; give the file of the radiograph itself")


def _check_frames(dataset: Any) -> None:
    rows, columns = _required(dataset, "Rows"), _required(dataset, "Columns")
    frames = _integer(dataset, "NumberOfFrames", 1) or 1
    if rows * columns * frames > MAX_PIXELS:
        raise Refused(f"{frames} x {rows} x {columns} pixels are more than the {MAX_PIXELS:,} that are read")
    if frames != 1:
        raise Refused(f"it has {frames} frames; a radiograph has one: export the one that is meant")


def _with_functional_groups(dataset: Any) -> Any:
    """The header with what an enhanced object says of its frame in functional groups."""
    import pydicom

    merged = pydicom.Dataset()
    merged.update({element.tag: element for element in _elements(dataset)})
    for groups in _GROUPS:
        for group in list(dataset.get(groups) or [])[:1]:
            for macro in _MACROS:
                for item in list(group.get(macro) or [])[:1]:
                    merged.update({element.tag: element for element in item})
    return merged


def _elements(dataset: Any) -> Iterator[Any]:
    for tag in dataset.keys():  # noqa: SIM118 -- iterating a data set reads every value, pixels too
        if tag.group in (0x0008, 0x0018, 0x0028, 0x2050):
            try:
                yield dataset[tag]
            except _BAD_VALUE:  # said where the value is needed, if it ever is
                continue


def _grey_scale(dataset: Any, bits: int, photometric: str, *, little_endian: bool) -> GreyScale:
    representation = _value(dataset, "PixelRepresentation")
    if representation not in (0, 1):
        raise Refused(
            "it does not say whether its pixel values have a sign (PixelRepresentation is missing or neither 0 nor 1), "
            "so its grey values are not known: export it again from where it came"
        )
    plain = GreyScale(bits=bits, signed=representation == 1)
    modality = _modality(dataset, plain, little_endian=little_endian)
    low, _ = (modality or Rescale(1, 0)).range_of(*plain.stored_range)
    shape = _text(dataset, "PresentationLUTShape").upper()
    return GreyScale(
        bits=bits,
        signed=plain.signed,
        modality=modality,
        voi=_table(dataset, "VOILUTSequence", negative=low < 0, little_endian=little_endian) or _window(dataset),
        padding=_padding(dataset, plain),
        # The shape, where it is given, is the last step itself; MONOCHROME1 says the same where it is not.
        inverted=shape == "INVERSE" if shape in ("INVERSE", "IDENTITY") else photometric == "MONOCHROME1",
    )


def _modality(dataset: Any, plain: GreyScale, *, little_endian: bool) -> Rescale | LookUpTable | None:
    table = _table(dataset, "ModalityLUTSequence", negative=plain.signed, little_endian=little_endian)
    if table is not None:
        return table
    slope, intercept = _number(dataset, "RescaleSlope"), _number(dataset, "RescaleIntercept")
    if slope is None or intercept is None:  # one without the other means nothing
        return None
    if slope == 0:
        raise Refused("its RescaleSlope is 0, which makes all pixels equal: export it again from where it came")
    return Rescale(slope, intercept)


def _table(dataset: Any, sequence: str, *, negative: bool, little_endian: bool) -> LookUpTable | None:
    """The first look-up table of a sequence; `negative` tells whether values below zero can come in."""
    items = list(_value(dataset, sequence) or [])
    if not items or "LUTDescriptor" not in items[0] or "LUTData" not in items[0]:
        return None
    try:
        count, first, bits = (int(value) % 2**_WORD for value in items[0].LUTDescriptor)
        data, kind = items[0].LUTData, items[0]["LUTData"].VR
    except _BAD_VALUE as error:
        raise Refused(f"its look-up table cannot be read ({sequence}): export it again from where it came") from error
    entries = _entries(data, kind, count or 2**_WORD, little_endian=little_endian)
    if not entries.size:
        return None
    return LookUpTable(first - 2**_WORD if negative and first >= _SIGN else first, entries, bits)


def _entries(data: Any, kind: str, count: int, *, little_endian: bool) -> NDArray[np.int64]:
    """Entries of a table, as many as its descriptor says, or as there are: one a word, or one a byte."""
    if not isinstance(data, bytes):
        values = np.atleast_1d(np.asarray(data, dtype=np.int64)) % 2**_WORD
        packed = len(values) < count <= 2 * len(values)
        data, kind, little_endian = values.astype("<u2").tobytes(), "OW", True
    else:
        packed = len(data) < 2 * count <= 2 * len(data)
    if not packed:
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2").astype(np.int64)[:count]
    if kind == "OW" and not little_endian:  # two entries a word, the first in its low byte
        data = np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes()
    return np.frombuffer(data, "u1").astype(np.int64)[:count]


def _window(dataset: Any) -> Window | None:
    """The first window that has a width, as viewers take it; None where there is none."""
    named = _text(dataset, "VOILUTFunction").upper()
    function: Function = next((name for name in FUNCTIONS if name == named), "LINEAR")
    for center, width in zip(_numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth"), strict=False):
        if width > 0:
            return Window(center, width, function)
    return None


def _padding(dataset: Any, plain: GreyScale) -> tuple[int, int] | None:
    value = _value(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _value(dataset, "PixelPaddingRangeLimit")
    first, last = (_stored(item, plain) for item in (value, value if limit is None else limit))
    return min(first, last), max(first, last)


def _stored(value: Any, plain: GreyScale) -> int:
    """A value that the header gives with or without a sign, as the pixels have it."""
    whole = _whole(value, "PixelPaddingValue")
    lowest, highest = plain.stored_range
    if lowest <= whole <= highest:
        return whole
    count: int = 2**plain.bits
    wrapped = whole % count
    return wrapped - count if wrapped > highest else wrapped


def _ratio(dataset: Any) -> float:
    """Height of a pixel over its width."""
    for keyword in _SPACINGS:
        values = _value(dataset, keyword)
        pair = [_float(value, keyword) for value in values] if _is_list(values) else []
        if len(pair) == 2 and min(pair) > 0:
            ratio = pair[0] / pair[1]
            if not 1 / MOST_OBLONG <= ratio <= MOST_OBLONG:
                raise Refused(
                    f"its pixels are {pair[0]:g} high and {pair[1]:g} wide ({keyword}), which no device makes: "
                    "correct that in the file"
                )
            return ratio
    return 1.0


def _technical(dataset: Any) -> dict[str, Any]:
    found = {tag: _value(dataset, tag) for tag in TECHNICAL_TAGS if tag in dataset}
    return {tag: _plain(value) for tag, value in found.items() if value is not None}


def _plain(value: Any) -> object:
    """A tag's value as JSON can hold it."""
    if _is_list(value):
        return [_plain(item) for item in value]
    return value if isinstance(value, int) else float(value) if isinstance(value, float) else str(value)[:_TEXT]


def _value(dataset: Any, keyword: str) -> Any:
    """The value of a tag; None where it is absent or empty."""
    try:
        value = dataset.get(keyword)
    except _BAD_VALUE as error:
        raise Refused(f"its {keyword} cannot be read: export it again from where it came") from error
    return None if value is None or (isinstance(value, str) and not value.strip()) or value == [] else value


def _is_list(value: Any) -> bool:
    from pydicom.multival import MultiValue

    return isinstance(value, list | tuple | MultiValue)


def _text(dataset: Any, keyword: str) -> str:
    value = _value(dataset, keyword)
    if _is_list(value):
        value = next(iter(value), None)
    return "" if value is None else str(value).strip(" \0")


def _numbers(dataset: Any, keyword: str) -> list[float]:
    """The numbers of a tag."""
    value = _value(dataset, keyword)
    values = value if _is_list(value) else [value]
    return [_float(item, keyword) for item in values if item is not None and item != ""]


def _number(dataset: Any, keyword: str) -> float | None:
    """The first number of a tag."""
    return next(iter(_numbers(dataset, keyword)), None)


def _float(value: Any, keyword: str) -> float:
    try:
        number = float(value)
    except (ValueError, TypeError) as error:
        raise Refused(f"its {keyword} is no number: correct it, or export it again from where it came") from error
    if not math.isfinite(number):
        raise Refused(f"its {keyword} is no finite number: correct it, or export it again from where it came")
    return number


def _integer(dataset: Any, keyword: str, default: int) -> int:
    value = _value(dataset, keyword)
    return default if value is None else _whole(value, keyword)


def _required(dataset: Any, keyword: str) -> int:
    value = _value(dataset, keyword)
    if value is None:
        raise Refused(
            f"its header lacks {keyword}, without which pixels cannot be read: export it again from where it came"
        )
    whole = _whole(value, keyword)
    if whole < 1:
        raise Refused(f"its {keyword} is {whole}: a radiograph has at least one")
    return whole


def _whole(value: Any, keyword: str) -> int:
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused(f"its {keyword} is not one whole number: export it again from where it came") from error
