"""DICOM to PNG in a process of its own with limits on memory and time: a hostile file can harm nothing else.

Run as a program (`python dicom.py FILE`) it writes one line of JSON and then the PNG to standard output.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MARKER_OFFSET, MARKER = 128, b"DICM"
MAX_PIXELS = 64_000_000
MEMORY_BYTES = 2 * 1024**3
CPU_SECONDS = 60
WALL_SECONDS = 120

# A few kilobytes of it can expand to gigabytes, and no radiograph needs it.
_DEFLATED = "1.2.840.10008.1.2.1.99"
_REFUSED = 3
# All that is kept of a file besides its pixels. None of it names a person, a place, a device or a date.
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
)


class DicomError(Exception):
    """A DICOM file that is not taken; the message says why and what to do."""


@dataclass(frozen=True)
class DicomImage:
    """Display pixels as PNG (dark is air, window applied), and the technical tags."""

    png: bytes
    bits: int
    width: int
    height: int
    technical: dict[str, Any]


def dicom_read(path: Path) -> DicomImage:
    """Decode a file in a process with limits. Raises DicomError."""
    try:
        # -P: this file's own folder holds modules that must not be taken for others.
        done = subprocess.run(
            [sys.executable, "-P", __file__, str(path.resolve())],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise DicomError(f"decoding took more than {WALL_SECONDS} s") from error
    if done.returncode == _REFUSED:
        raise DicomError(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"the decoder ended with status {done.returncode}"
        raise DicomError(f"cannot be decoded: {reason[:300]}")
    head, _, png = done.stdout.partition(b"\n")
    return DicomImage(png=png, **json.loads(head))


def _limit() -> None:
    """Less memory and time for this process, before anything of the file is read."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _decode(path: Path) -> DicomImage:
    import io

    import numpy as np
    import pydicom
    from PIL import Image

    syntax = str(pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID", ""))
    if syntax == _DEFLATED:
        raise DicomError("deflated DICOM is refused: store it uncompressed or as JPEG")
    header = pydicom.dcmread(path, stop_before_pixels=True)
    _check(header)
    dataset = pydicom.dcmread(path)
    fraction = _display_fraction(dataset)
    if header.PhotometricInterpretation == "MONOCHROME1":
        fraction = 1 - fraction
    bits, kind = (16, np.uint16) if int(header.BitsStored) > 8 else (8, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.rint(fraction * (2**bits - 1)).astype(kind)).save(stream, format="PNG", compress_level=3)
    technical = {tag: _plain(header[tag].value) for tag in TECHNICAL_TAGS if tag in header and header[tag].value}
    return DicomImage(stream.getvalue(), bits, int(header.Columns), int(header.Rows), {**technical, "syntax": syntax})


def _check(header: Any) -> None:
    photometric = str(header.get("PhotometricInterpretation", ""))
    if photometric not in {"MONOCHROME1", "MONOCHROME2"}:
        raise DicomError(
            f"its pixels are {photometric or 'of no named kind'}; only MONOCHROME1 and MONOCHROME2 are read"
        )
    frames, rows, columns = (int(header.get(tag, 1) or 1) for tag in ("NumberOfFrames", "Rows", "Columns"))
    if frames * rows * columns > MAX_PIXELS:
        raise DicomError(f"{frames} x {rows} x {columns} pixels are more than the {MAX_PIXELS:,} that are read")
    if frames != 1:
        raise DicomError(f"it has {frames} frames; a radiograph has one")
    if str(header.get("BurnedInAnnotation", "")).upper() == "YES":
        raise DicomError("it says that identifying text is burned into its pixels: remove that first")


def _display_fraction(dataset: Any) -> "NDArray[np.float32]":
    """Pixels in [0, 1] after the file's own rescale and VOI window; without a window, of all that its bits can hold."""
    import numpy as np
    from pydicom.pixels.processing import apply_rescale, apply_voi_lut

    bits = int(dataset.BitsStored)
    lowest, highest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dataset.PixelRepresentation else (0, 2**bits - 1)
    slope, intercept = float(dataset.get("RescaleSlope", 1) or 1), float(dataset.get("RescaleIntercept", 0) or 0)
    low, high = sorted((lowest * slope + intercept, highest * slope + intercept))
    if dataset.get("VOILUTSequence"):
        low, high = 0.0, float(2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1)
    shown = np.asarray(apply_voi_lut(apply_rescale(dataset.pixel_array, dataset), dataset), dtype=np.float32)
    fraction: NDArray[np.float32] = np.clip((shown - low) / (high - low), 0, 1)
    return fraction


def _plain(value: Any) -> object:
    """A tag's value as JSON can hold it."""
    from pydicom.multival import MultiValue

    if isinstance(value, MultiValue):
        return [_plain(item) for item in value]
    return value if isinstance(value, int) else float(value) if isinstance(value, float) else str(value)[:64]


def _main() -> int:
    _limit()
    import warnings

    warnings.simplefilter(
        "ignore"
    )  # pydicom remarks on small deviations from the standard; the pixels do not depend on them
    try:
        image = _decode(Path(sys.argv[1]))
    except DicomError as error:
        print(error, file=sys.stderr)
        return _REFUSED
    head = {"bits": image.bits, "width": image.width, "height": image.height, "technical": image.technical}
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + image.png)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
