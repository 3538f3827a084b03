"""The import of TorchXRayVision, which silences every warning of the process and changes `sys.path`: not here."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from explainer.errors import WeightsError

if TYPE_CHECKING:
    from types import ModuleType

#: Operators that torchvision's Python code describes but that only its C library defines.
_TORCHVISION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []


def _make_torchvision_importable() -> None:
    """Declare torchvision's operators where its C library does not load (a build beside another torch)."""
    if "torchvision" in sys.modules or _declared:
        return
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        raise WeightsError("TorchXRayVision's models need torchvision: pip install torchvision.")
    for library in Path(found.origin).parent.glob("_C*.*"):
        try:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
        except OSError:
            continue
        return
    declaration = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in _TORCHVISION_OPERATORS:
        declaration.define(operator)  # type: ignore[no-untyped-call]
    # The declaration lives as long as this object.
    _declared.append(declaration)


def quiet_import(name: str = "torchxrayvision") -> ModuleType:
    """Import TorchXRayVision (or a module of it) and leave warning filters and the module path as they were."""
    _make_torchvision_importable()
    path = list(sys.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        raise WeightsError(f"This model needs TorchXRayVision ({error}): pip install torchxrayvision.") from error
    finally:
        sys.path[:] = path
