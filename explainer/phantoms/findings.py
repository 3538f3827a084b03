"""The six findings, each drawn into a chest with its exact mask, and the planted shortcut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from explainer.phantoms.anatomy import (
    Chest,
    Field,
    bump,
    hemithorax_of,
    smooth_noise,
    soft,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Mask = np.ndarray[tuple[int, int], np.dtype[np.bool_]]
FINDINGS = ("Atelectasis", "Cardiomegaly", "Effusion", "Lung Opacity", "Mass", "Pneumothorax")


@dataclass
class Layers:
    """What findings change: `dense` is added attenuation, `air` and `markings` scale the lungs' air and vessels."""

    dense: Field
    air: Field
    markings: Field

    @classmethod
    def healthy(cls, chest: Chest) -> Layers:
        """Nothing added, nothing taken away."""
        return cls(np.zeros_like(chest.x), np.ones_like(chest.x), np.ones_like(chest.x))


def point_in_lung(chest: Chest, side: int, across: float, down: float) -> tuple[float, float]:
    """A point in a lung: `across` 0 at the mediastinum, 1 at the chest wall; `down` 0 at the apex, 1 at the dome."""
    habitus = chest.habitus
    base = habitus.base[0 if side < 0 else 1]
    y = habitus.top + down * (base - habitus.top)
    depth = min(max((y - habitus.top) / 0.85, 0.0), 1.0)
    wall = habitus.width * float(np.sqrt(max(1 - (1 - depth) ** 2.3, 0.0)))
    return side * (0.16 + across * (wall - 0.16)), y


def _over_lung(chest: Chest) -> Field:
    """1 over aerated lung, less over the heart: detectors compress what is dense already."""
    return 1 - np.float32(0.65) * chest.heart


def atelectasis(rng: np.random.Generator, chest: Chest, layers: Layers, side: int, weight: float) -> Mask:
    """Plates (one to three oblique bands above the diaphragm) or the collapse of a lower lobe as a wedge."""
    region: Field = np.zeros_like(chest.x)
    if rng.random() < 0.65:
        for _ in range(int(rng.integers(1, 4))):
            cx, cy = point_in_lung(chest, side, float(rng.uniform(0.2, 0.65)), float(rng.uniform(0.6, 0.92)))
            angle = side * float(rng.uniform(-0.45, 0.25))
            along = np.float32(np.cos(angle)) * (chest.x - np.float32(cx)) + np.float32(np.sin(angle)) * (
                chest.y - np.float32(cy)
            )
            across = np.float32(np.cos(angle)) * (chest.y - np.float32(cy)) - np.float32(np.sin(angle)) * (
                chest.x - np.float32(cx)
            )
            length, thick = float(rng.uniform(0.1, 0.21)), float(rng.uniform(0.016, 0.036))
            bent = across + np.float32(rng.uniform(-0.9, 0.9)) * along * along
            region = np.maximum(region, bump(bent, thick) * soft(np.float32(length) - np.abs(along), 0.06))
    else:
        # The wedge: apex at the hilum, base on the diaphragm beside the spine.
        x0, y0 = point_in_lung(chest, side, 0.05, float(rng.uniform(0.55, 0.68)))
        down = chest.y - np.float32(y0)
        outer = np.float32(rng.uniform(0.45, 0.95)) * np.clip(down, 0, 1)
        region = soft(down, 0.06) * soft(outer - np.float32(side) * (chest.x - np.float32(x0)), 0.05)
        region = region * soft(np.float32(side) * chest.x - np.float32(0.06), 0.05)
    region = region * chest.hemithorax
    layers.dense += region * _over_lung(chest) * np.float32(0.36 + 0.4 * weight)
    return region > 0.4


def cardiomegaly(_rng: np.random.Generator, chest: Chest, _layers: Layers, _side: int, _weight: float) -> Mask:
    """The heart of the habitus was drawn wide already; its region is the mask."""
    return chest.heart > 0.5


def effusion(_rng: np.random.Generator, chest: Chest, layers: Layers, side: int, weight: float) -> Mask:
    """Fluid from the blunted angle upwards, its meniscus rising towards the chest wall."""
    base = chest.habitus.base[0 if side < 0 else 1]
    height = 0.0 + 0.42 * weight  # of the level at the chest wall above the dome
    share = np.clip(np.abs(chest.x) / np.maximum(chest.cage, np.float32(0.1)), 0, 1)
    rise = np.float32(0.16 + 0.1 * weight)
    level = np.subtract(np.float32(base + 0.08 - height) + rise, rise * share * share * share, dtype=np.float32)
    half = hemithorax_of(chest.x, chest.y, chest.habitus, chest.cage) * (chest.x * side > 0)
    fluid = soft(chest.y - level, 0.035)
    region = half * fluid
    layers.air *= 1 - np.float32(0.92) * fluid * (chest.x * side > 0)
    layers.dense += np.float32(0.25) * region
    layers.markings *= 1 - region
    return region > 0.5


def lung_opacity(rng: np.random.Generator, chest: Chest, layers: Layers, side: int, weight: float) -> Mask:
    """One to four patches with ragged borders, some of them on the other side."""
    region: Field = np.zeros_like(chest.x)
    for _ in range(int(rng.integers(1, 5))):
        where = side if rng.random() < 0.75 else -side
        cx, cy = point_in_lung(chest, where, float(rng.uniform(0.1, 0.8)), float(rng.uniform(0.3, 0.95)))
        wide, high = rng.uniform(0.08, 0.2, 2)
        dx, dy = (chest.x - np.float32(cx)) / np.float32(wide), (chest.y - np.float32(cy)) / np.float32(high)
        region = np.maximum(region, np.exp(np.float32(-0.5) * (dx * dx + dy * dy)))
    size = len(chest.x)
    ragged = region * (
        1 + np.float32(0.35) * smooth_noise(rng, 14, size) + np.float32(0.25) * smooth_noise(rng, 40, size)
    )
    region = soft(ragged - np.float32(0.45), 0.5) * chest.hemithorax
    layers.dense += region * _over_lung(chest) * np.float32(0.15 + 0.5 * weight)
    layers.markings *= 1 - np.float32(0.5) * region
    return region > 0.5


def mass(rng: np.random.Generator, chest: Chest, layers: Layers, side: int, weight: float) -> Mask:
    """A round, slightly lobed shadow of three to six centimetres (the image is about 38 cm wide)."""
    cx, cy = point_in_lung(chest, side, float(rng.uniform(0.15, 0.8)), float(rng.uniform(0.2, 0.9)))
    radius = float(rng.uniform(0.079, 0.158))
    dx, dy = chest.x - np.float32(cx), chest.y - np.float32(cy)
    angle = np.arctan2(dy, dx)
    lobes = np.float32(rng.uniform(0.02, 0.08)) * np.sin(3 * angle + np.float32(rng.uniform(0, 6)))
    lobes = lobes + np.float32(rng.uniform(0.01, 0.05)) * np.sin(5 * angle + np.float32(rng.uniform(0, 6)))
    distance = np.sqrt(dx * dx + dy * dy) / np.float32(radius)
    edge = soft(1 + lobes - distance, float(rng.uniform(0.15, 0.45)))
    dome = np.sqrt(np.clip(1 - distance * distance * np.float32(0.8), 0.15, 1))
    inside = soft(chest.cage - np.abs(chest.x), 0.02)
    region = edge * inside
    layers.dense += region * dome * _over_lung(chest) * np.float32(0.32 + 0.45 * weight)
    return region > 0.5


def pneumothorax(_rng: np.random.Generator, chest: Chest, layers: Layers, side: int, weight: float) -> Mask:
    """Air between the chest wall and a shrunken lung: darker, without vessels, bounded by a thin pleural line."""
    habitus = chest.habitus
    shrink = np.float32(1 - (0.05 + 0.3 * weight))
    hilum_y = np.float32(habitus.top + 0.62 * (min(habitus.base) - habitus.top))
    # The lung falls away from apex and side wall; towards the base it stays at the wall.
    low = soft(chest.y - hilum_y - np.float32(0.1), 0.5)
    factor = shrink + (1 - shrink) * low
    x, y = chest.x / factor, hilum_y + (chest.y - hilum_y) / np.minimum(factor, np.float32(1))
    depth = np.clip((y - np.float32(habitus.top)) / np.float32(0.85), 0, 1)
    cage = np.float32(habitus.width) * np.sqrt(np.clip(1 - (1 - depth) ** np.float32(2.3), 0, 1)) + np.float32(0.02)
    distance = cage - np.abs(x)
    half = chest.hemithorax * (chest.x * side > 0)
    outside = soft(-distance, 0.012) * half * (1 - low)
    layers.air += np.float32(0.16 + 0.12 * weight) * outside
    layers.markings *= 1 - outside
    line = bump(distance, 0.007) * half * soft(np.float32(0.5) - low, 0.3)
    layers.dense += np.float32(0.12 + 0.12 * weight) * line
    return outside > 0.5


DRAW: dict[str, Callable[[np.random.Generator, Chest, Layers, int, float], Mask]] = {
    "Atelectasis": atelectasis,
    "Cardiomegaly": cardiomegaly,
    "Effusion": effusion,
    "Lung Opacity": lung_opacity,
    "Mass": mass,
    "Pneumothorax": pneumothorax,
}


def chest_tube(rng: np.random.Generator, chest: Chest, layers: Layers, side: int) -> Mask:
    """The planted shortcut: a drain from the side wall up to the apex, with its radio-opaque stripe."""
    size = len(chest.x)
    habitus = chest.habitus
    t = np.linspace(0, 1, 24)
    start = np.array([side * (habitus.width + 0.2), float(rng.uniform(0.15, 0.4))])
    end = np.array(point_in_lung(chest, side, float(rng.uniform(0.3, 0.6)), float(rng.uniform(0.08, 0.25))))
    knee = np.array([side * habitus.width * float(rng.uniform(0.75, 1.0)), float(rng.uniform(-0.15, 0.15))])
    points = np.outer((1 - t) ** 2, start) + np.outer(2 * t * (1 - t), knee) + np.outer(t**2, end)
    path = [(float((px + 1) * size / 2), float((py + 1) * size / 2)) for px, py in points]
    scale = size / 512

    def stroke(width: float) -> Field:
        canvas = Image.new("L", (size, size), 0)
        ImageDraw.Draw(canvas).line(path, fill=255, width=max(1, round(width * scale)), joint="curve")
        return np.asarray(canvas, dtype=np.float32) / np.float32(255)

    wall, lumen, stripe = stroke(11), stroke(7), stroke(2)
    layers.dense += np.float32(0.26) * (wall - np.float32(0.6) * lumen) + np.float32(0.3) * stripe
    return wall > 0.5
