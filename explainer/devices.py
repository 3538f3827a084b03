"""Where networks are computed: the device by the name that is asked for, and how much it does at a time."""

from __future__ import annotations

import torch

from explainer.errors import SettingsError

#: Cases explained together, unless the caller says how many.
_CASES_ON_CPU = 1
_CASES_ON_CUDA = 16


def choose_device(name: str) -> str:
    """`auto` is a CUDA device where there is one, else the CPU. Raises SettingsError for a device that is not here."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
    # A torch without CUDA asserts where another one raises.
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"The device '{name}' cannot be used here: choose cpu, or auto.") from error
    return name


def on_cuda(device: str) -> bool:
    """Whether a device as it is asked for, `auto` included, will be a GPU."""
    return device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())


def cases_together(device: str) -> int:
    """How many cases suit a device as it is asked for: a single one keeps a CPU busy."""
    return _CASES_ON_CUDA if on_cuda(device) else _CASES_ON_CPU


def device_name(device: str) -> str:
    """A device as people know it."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
