"""Where weights lie and whether they are the ones they should be: nothing is loaded before its SHA-256 is checked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from explainer.catalogue.models import released
from explainer.errors import ChangedWeightsError, MissingWeightsError, WeightsError


def weights_folder() -> Path:
    """Folder of downloaded weights: `EXPLAINER_WEIGHTS`, or the one that TorchXRayVision uses."""
    configured = os.environ.get("EXPLAINER_WEIGHTS")
    return Path(configured).expanduser() if configured else Path.home() / ".torchxrayvision" / "models_data"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def find_released(name: str) -> Path:
    """Path of a released weights file; it is never downloaded behind the user's back."""
    path = weights_folder() / name
    if not path.is_file():
        raise MissingWeightsError(
            f"The weights {name} are not in {path.parent}. {released.advice(name)} and put it there, or name the "
            "folder that has it in EXPLAINER_WEIGHTS."
        )
    return path


def record_of(path: Path) -> Path:
    """The file beside `path` that holds its SHA-256, in the format of sha256sum."""
    return path.with_name(f"{path.name}.sha256")


def expected_sha256(path: Path) -> str:
    """SHA-256 that the file at `path` must have: the pinned one, else the recorded one; empty if it was never used."""
    pinned = released.PINNED.get(path.name)
    if pinned:
        return pinned
    try:
        words = record_of(path).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ChangedWeightsError(f"{record_of(path)} cannot be read ({error}), so {path.name} is not used.") from error
    return words[0].lower() if words else "nothing"


def verify_recorded(path: Path) -> str:
    """SHA-256 of `path`, which must equal the one pinned or recorded beside it; the first use records it."""
    digest = sha256_of(path)
    expected = expected_sha256(path)
    if not expected:
        try:
            # Exclusive: of two processes that start together one writes, the other checks.
            with record_of(path).open("x", encoding="ascii") as stream:
                stream.write(f"{digest}  {path.name}\n")
        except FileExistsError:
            return verify_recorded(path)
        except OSError as error:
            raise WeightsError(
                f"The SHA-256 of {path.name} cannot be recorded in {path.parent} ({error.strerror}): make the folder "
                f"writable once, or put '{digest}  {path.name}' into {record_of(path).name} after checking it."
            ) from error
        return digest
    if digest != expected:
        raise ChangedWeightsError(changed(path, digest, expected))
    return digest


def changed(path: Path, digest: str, expected: str) -> str:
    """What is wrong with a file whose SHA-256 is `digest` and not the `expected` one, and what to do."""
    text = f"{path.name} is damaged or was exchanged: it has the SHA-256 {digest}, but {expected} is "
    if path.name in released.PINNED:
        return f"{text}pinned. Delete the file and get it again."
    record = record_of(path).name
    return f"{text}recorded in {record}. Get the file again, or delete {record} if the change is intended."


def verify_pinned(path: Path, expected: str) -> str:
    """SHA-256 of `path`, which must be `expected`."""
    if not path.is_file():
        raise MissingWeightsError(f"{path} is missing.")
    digest = sha256_of(path)
    if digest != expected.lower():
        raise ChangedWeightsError(
            f"{path} has the SHA-256 {digest} instead of {expected}: it is damaged or was exchanged."
        )
    return digest
