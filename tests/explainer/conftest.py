"""What every test of the engine shares."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """Networks that a test builds without a seed of its own have the same weights in every run and any order."""
    torch.manual_seed(0)
