"""torch in a process that computes tasks: loaded there alone, beside other work on the same cores."""

from __future__ import annotations

import os

from explainer.errors import SettingsError
from explainer.memory import keep_memory


def cases_together() -> int:
    """How many cases a worker explains at a time: `EXPLAINER_BATCH`, or what suits the device."""
    prepare_torch()
    from explainer import devices

    text = os.environ.get("EXPLAINER_BATCH", "")
    if not text:
        return devices.cases_together("auto")
    if not text.isdecimal() or int(text) == 0:
        raise SettingsError(f"EXPLAINER_BATCH must be a number of cases above zero, not {text!r}.")
    return int(text)


def prepare_torch() -> None:
    """Load torch so that it shares the machine: its threads sleep while they wait for each other.

    By default they spin, and beside other work on two cores that made a case take five times as long.
    `EXPLAINER_THREADS` says how many there are; by default one for each core.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch's OpenMP is loaded
    import torch

    keep_memory()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    torch.set_num_threads(int(os.environ.get("EXPLAINER_THREADS") or cores))
