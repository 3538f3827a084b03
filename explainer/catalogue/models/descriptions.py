"""The TOML file that describes a model of somebody's own: what it may say, checked. Loads no torch.

docs/models.md shows whole descriptions.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explainer.catalogue.models.listing import Kind, Listing
from explainer.errors import ModelDescriptionError, UnknownModelError

if TYPE_CHECKING:
    from collections.abc import Callable

_REQUIRED: dict[Kind, tuple[str, ...]] = {
    "classifier": ("targets", "output", "input_size", "input_range"),
    "autoencoder": ("input_size", "input_range"),
}
_OPTIONAL: dict[Kind, tuple[str, ...]] = {
    "classifier": ("kind", "id", "file", "callable", "sha256", "operating_points"),
    "autoencoder": (
        *("kind", "id", "file", "callable", "sha256"),
        *("encoder", "decoder", "encoder_sha256", "decoder_sha256"),
    ),
}
_LARGEST = 8192


def read_description(path: Path, kind: Kind) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a description says, as it stands there, and its settings: arguments of Classifier or Autoencoder.

    Raises UnknownModelError if there is no such file, and ModelDescriptionError for what is wrong with it.
    """
    values = _read(path, kind)
    settings = {key: _CHECKS[key](path, key, values[key]) for key in values.keys() & _CHECKS.keys()}
    if "operating_points" in settings and len(settings["operating_points"]) != len(settings["targets"]):
        raise ModelDescriptionError(f"{path.name} needs one operating point for each of its targets.")
    return values, settings


def _read(path: Path, kind: Kind) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UnknownModelError(f"There is no description of a model at {path}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelDescriptionError(f"{path.name} is not valid TOML: {error}.") from error
    described = values.get("kind", "classifier")
    if described != kind:
        raise ModelDescriptionError(
            f"{path.name} describes {described!r}, where a description of kind = '{kind}' is needed."
        )
    known = (*_REQUIRED[kind], *_OPTIONAL[kind])
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it may have {', '.join(known)}."
            raise ModelDescriptionError(f"{path.name} has the key {key}, which a {kind} does not have: {hint}")
    missing = [key for key in _REQUIRED[kind] if key not in values]
    if missing:
        raise ModelDescriptionError(
            f"{path.name} lacks {', '.join(missing)}; docs/models.md shows a whole description of a {kind}."
        )
    return values


def _targets(path: Path, key: str, value: Any) -> tuple[str, ...]:
    if not (isinstance(value, list) and value and all(isinstance(name, str) and name.strip() for name in value)):
        raise ModelDescriptionError(f"{key} of {path.name} must be a list of names, in the order of the outputs.")
    if len(set(value)) != len(value):
        raise ModelDescriptionError(f"{key} of {path.name} has a name twice.")
    return tuple(value)


def _points(path: Path, key: str, value: Any) -> tuple[float, ...]:
    if not (isinstance(value, list) and all(_is_number(point) and 0 < point < 1 for point in value)):
        raise ModelDescriptionError(f"{key} of {path.name} must be a list of numbers between 0 and 1.")
    return tuple(float(point) for point in value)


def _size(path: Path, key: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _LARGEST:
        raise ModelDescriptionError(f"{key} of {path.name} must be the images' side in pixels, not {value!r}.")
    return value


def _range(path: Path, key: str, value: Any) -> tuple[float, float]:
    if not (isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] < value[1]):
        raise ModelDescriptionError(
            f"{key} of {path.name} must be what black and white are to the network, such as [-1024, 1024] or [0, 1]."
        )
    return float(value[0]), float(value[1])


def _output(path: Path, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ModelDescriptionError(f"{key} of {path.name} must be a name, not {value!r}.")
    return value  # Classifier knows which there are


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_CHECKS: dict[str, Callable[[Path, str, Any], Any]] = {
    "targets": _targets,
    "operating_points": _points,
    "input_size": _size,
    "input_range": _range,
    "output": _output,
}


class _Descriptions(Listing):
    naming = "the path of a description (model.toml)"

    def identifiers(self, kind: Kind) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def has(self, kind: Kind, id_or_path: str) -> bool:  # noqa: ARG002
        return id_or_path.endswith(".toml")

    def targets(self, id_or_path: str) -> tuple[str, ...]:
        targets: tuple[str, ...] = read_description(Path(id_or_path), "classifier")[1]["targets"]
        return targets

    def check_autoencoder(self, id_or_path: str) -> None:
        read_description(Path(id_or_path), "autoencoder")


DESCRIPTIONS = _Descriptions()
