"""DICOM in a process of its own with limits on memory and time: a hostile file can harm nothing else.

`main` is that process: it reads a file from standard input and writes one line of JSON, then the grey values.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from explainer.radiographs.limits import CPU_SECONDS, MEMORY_BYTES, WALL_SECONDS, Refused

logger = logging.getLogger(__name__)

#: Not `-m`: the package has loaded this module by then, of which Python warns, and warnings may be errors.
_PROGRAM = f"import sys; from {__name__} import main; sys.exit(main())"
_PACKAGES = Path(__file__).resolve().parents[2]
_DAMAGED = "it is DICOM that cannot be decoded, since it is damaged or cut short: copy or export it again"
_TOO_LARGE = f"decoding it takes more than {MEMORY_BYTES // 1024**3} GiB of memory: store it uncompressed"
_TOO_LONG = f"decoding it takes more than {CPU_SECONDS} s: store it uncompressed"


@dataclass(frozen=True)
class Decoded:
    """What came out of the process: grey values (H, W), not yet with square pixels, and what is known of them."""

    values: np.ndarray[tuple[int, int], np.dtype[Any]]
    bits: int
    photometric: str
    window_from: str
    ratio: float
    technical: dict[str, Any]


def decoded(data: bytes) -> Decoded:
    """Decode a DICOM file. Raises Refused."""
    paths = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        # -P: a file in the current folder must not be taken for a module.
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROGRAM],
            input=data,
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
            env={**os.environ, **environment},
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(_TOO_LONG) from error
    if done.returncode != 0:  # a library broke off without an exception
        logger.warning("The decoder of DICOM ended with status %s: %s", done.returncode, done.stderr[-2000:])
        raise Refused(_TOO_LONG if done.returncode == -_signal_of_cpu_limit() else _DAMAGED)
    line, _, pixels = done.stdout.partition(b"\n")
    head = json.loads(line)
    if "refused" in head:
        if head["cause"]:
            logger.info("DICOM could not be decoded: %s", head["cause"])
        raise Refused(head["refused"])
    values = np.frombuffer(pixels, head.pop("dtype")).reshape(head.pop("shape"))
    return Decoded(values=values, **head)


def _signal_of_cpu_limit() -> int:
    import signal

    return int(getattr(signal, "SIGXCPU", 0))


def limit() -> None:
    """Less memory and time for this process, before anything of the file is read."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(data: bytes) -> tuple[dict[str, Any], bytes]:
    from explainer.radiographs.dicom import dicom_picture

    try:
        picture = dicom_picture(data)
    except Refused as error:
        return {"refused": str(error), "cause": ""}, b""
    except MemoryError as error:
        return {"refused": _TOO_LARGE, "cause": repr(error)}, b""
    # Parsers and decoders raise whatever a damaged file makes of them: struct.error, TypeError, IndexError and more.
    # Their words are for whoever looks into the log.
    except Exception as error:  # noqa: BLE001
        return {"refused": _DAMAGED, "cause": repr(error)[:500]}, b""
    header, values = picture.header, picture.grey.values
    head = {
        "dtype": values.dtype.str,
        "shape": values.shape,
        "bits": header.scale.bits,
        "photometric": header.photometric,
        "window_from": picture.grey.window_from,
        "ratio": header.ratio,
        "technical": {**header.technical, "syntax": picture.syntax},
    }
    return head, values.tobytes()


def main() -> int:
    """Decode what comes in on standard input."""
    import warnings

    limit()
    # Whatever a library prints must not end up among the pixels.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        # pydicom remarks on small deviations from the standard; what matters of them is checked here.
        warnings.simplefilter("ignore")
        head, pixels = _answer(sys.stdin.buffer.read())
        out.write(json.dumps(head).encode() + b"\n" + pixels)
    return 0
