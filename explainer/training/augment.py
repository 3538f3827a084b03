"""Random changes of image batches: geometry, exposure, and the loss of detail that an autoencoder causes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def _uniform(n: int, low: float, high: float, rng: torch.Generator) -> Tensor:
    return torch.empty(n).uniform_(low, high, generator=rng)


def move(
    x: Tensor, rng: torch.Generator, *, flip: bool, degrees: float = 7, shift: float = 0.05, scale: float = 0.1
) -> Tensor:
    """Rotate, shift (share of the width), scale and perhaps mirror every image of (N, 1, H, W) in its own way."""
    n = len(x)
    angle = _uniform(n, -degrees, degrees, rng) * (math.pi / 180)
    zoom = 1 + _uniform(n, -scale, scale, rng)
    mirror = torch.where(torch.rand(n, generator=rng) < 0.5, -1.0, 1.0) if flip else torch.ones(n)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    dx, dy = _uniform(n, -2 * shift, 2 * shift, rng), _uniform(n, -2 * shift, 2 * shift, rng)
    theta = torch.stack([torch.stack([cos * mirror, -sin, dx], 1), torch.stack([sin * mirror, cos, dy], 1)], 1)
    grid = nn.functional.affine_grid(theta, list(x.shape), align_corners=False).to(x.device)
    return nn.functional.grid_sample(x, grid, mode="bilinear", padding_mode="border", align_corners=False)


def expose(x: Tensor, rng: torch.Generator, *, brightness: float = 0.15, contrast: float = 0.2) -> Tensor:
    """Change brightness and contrast of images in [-1024, 1024]."""
    gain = (1 + _uniform(len(x), -contrast, contrast, rng)).view(-1, 1, 1, 1).to(x.device)
    offset = (1024 * _uniform(len(x), -brightness, brightness, rng)).view(-1, 1, 1, 1).to(x.device)
    return (x * gain + offset).clamp(-1024, 1024)


def degrade(
    x: Tensor, rng: torch.Generator, *, smallest: int = 48, noise: float = 50, chance: float = 0.8, group: int = 4
) -> Tensor:
    """Sample down and up again and add noise, so that no classifier can live on texture that no autoencoder carries.

    Groups of `group` images share one factor (the sizes are drawn uniformly between `smallest` and the full size);
    `noise` is the largest standard deviation on the [-1024, 1024] scale.
    """
    size = x.shape[-1]
    pieces = []
    for start in range(0, len(x), group):
        out = x[start : start + group]
        if torch.rand((), generator=rng).item() < chance:
            low = int(torch.randint(min(smallest, size), size + 1, (), generator=rng))
            out = nn.functional.interpolate(out, size=(low, low), mode="bilinear", antialias=True, align_corners=False)
            out = nn.functional.interpolate(out, size=(size, size), mode="bilinear", align_corners=False)
            sigma = _uniform(len(out), 0, noise, rng).view(-1, 1, 1, 1)
            out = out + (torch.randn(out.shape, generator=rng) * sigma).to(x.device)
        pieces.append(out)
    return torch.cat(pieces)
