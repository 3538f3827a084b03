"""Things in healthy chests that look like a finding, each with its own small chance; they change no label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from explainer.phantoms.anatomy import Chest, bump, diaphragm, ellipse, heart_of, soft
from explainer.phantoms.findings import Layers, effusion, point_in_lung

if TYPE_CHECKING:
    from collections.abc import Callable


def _side(rng: np.random.Generator) -> int:
    return -1 if rng.random() < 0.5 else 1


def skin_fold(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """An edge that vessels cross, taken for a pleural line."""
    where, top = _side(rng), float(rng.uniform(-0.6, -0.3))
    line = np.float32(where) * chest.x - np.float32(chest.habitus.width * float(rng.uniform(0.55, 0.85)))
    line = line + np.float32(0.2) * np.square(chest.y - np.float32(0.1))
    extent = soft(chest.y - np.float32(top), 0.1) * soft(np.float32(top + float(rng.uniform(0.5, 0.9))) - chest.y, 0.1)
    fade = np.where(line < 0, bump(line, 0.07), bump(line, 0.006))
    layers.dense += np.float32(rng.uniform(0.08, 0.2)) * fade * extent


def round_shadow(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """A nipple, a bone island, a healed rib: smaller than a mass."""
    where = _side(rng)
    centre = point_in_lung(chest, where, float(rng.uniform(0.3, 0.95)), float(rng.uniform(0.3, 0.9)))
    radius = float(rng.uniform(0.03, 0.075))
    layers.dense += np.float32(rng.uniform(0.12, 0.4)) * ellipse(chest.x, chest.y, centre, (radius, radius), 0.4)


def hernia(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """A hiatal hernia or fat beside the heart, as round as a mass."""
    where = _side(rng)
    centre = (
        where * float(rng.uniform(0.12, 0.3)),
        chest.habitus.base[0 if where < 0 else 1] - float(rng.uniform(0.02, 0.12)),
    )
    radius = float(rng.uniform(0.07, 0.15))
    layers.dense += np.float32(rng.uniform(0.15, 0.4)) * ellipse(chest.x, chest.y, centre, (radius, 0.8 * radius), 0.5)


def scars(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """Short thin lines at the base, thinner than plates of atelectasis."""
    for _ in range(int(rng.integers(1, 3))):
        where = _side(rng)
        cx, cy = point_in_lung(chest, where, float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.6, 0.95)))
        slope = np.float32(rng.uniform(-0.5, 0.5))
        offset = chest.y - np.float32(cy) - slope * (chest.x - np.float32(cx))
        reach = soft(np.float32(rng.uniform(0.05, 0.12)) - np.abs(chest.x - np.float32(cx)), 0.05)
        layers.dense += np.float32(rng.uniform(0.15, 0.4)) * bump(offset, float(rng.uniform(0.006, 0.014))) * reach


def thick_pleura(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """A thickened pleura blunts the angle as a little fluid does; often one film cannot tell the two apart."""
    where = _side(rng)
    if rng.random() < 0.45:
        effusion(rng, chest, layers, where, float(rng.uniform(0, 0.25)))
        return
    share = np.clip(np.abs(chest.x) / np.maximum(chest.cage, np.float32(0.1)), 0, 1)
    top = np.float32(chest.habitus.base[0 if where < 0 else 1] + 0.2 - float(rng.uniform(0.02, 0.17)))
    below = np.subtract(chest.y - top, np.float32(0.25) * (1 - share), dtype=np.float32)
    rim = soft(below, 0.05) * np.where(chest.x * where > 0, np.float32(1), np.float32(0))
    layers.air *= 1 - np.float32(rng.uniform(0.4, 0.9)) * rim
    layers.markings *= 1 - np.float32(0.6) * rim


def fat_pad(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """Fat beside the apex widens the silhouette of a normal heart."""
    wider = heart_of(
        chest.x, chest.y, replace(chest.habitus, heart=chest.habitus.heart + float(rng.uniform(0.03, 0.12)))
    )
    low = soft(chest.y - np.float32(min(chest.habitus.base) - 0.2), 0.15)
    layers.air *= 1 - np.float32(rng.uniform(0.6, 0.9)) * wider * low


def hazy_base(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """Crowded vessels of a poor breath: haze above the diaphragm."""
    where = _side(rng)
    haze = bump(chest.y - diaphragm(chest.x, chest.habitus), float(rng.uniform(0.1, 0.2))) * (chest.x * where > 0)
    layers.dense += np.float32(rng.uniform(0.08, 0.28)) * haze * chest.hemithorax


def bulla(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """A bulla or an over-aerated apex: dark, without vessels, but with no pleural line."""
    where = _side(rng)
    centre = point_in_lung(chest, where, float(rng.uniform(0.4, 0.8)), float(rng.uniform(0.05, 0.3)))
    layers.air += np.float32(rng.uniform(0.08, 0.22)) * ellipse(chest.x, chest.y, centre, (0.17, 0.15), 0.4)
    layers.markings *= 1 - np.float32(0.8) * ellipse(chest.x, chest.y, centre, (0.17, 0.15), 0.4)


MIMICS: tuple[tuple[float, Callable[[np.random.Generator, Chest, Layers], None]], ...] = (
    (0.14, skin_fold),
    (0.14, round_shadow),
    (0.1, hernia),
    (0.14, scars),
    (0.17, thick_pleura),
    (0.15, fat_pad),
    (0.16, hazy_base),
    (0.1, bulla),
)


def add_mimics(rng: np.random.Generator, chest: Chest, layers: Layers) -> None:
    """Add those that chance wants."""
    for chance, draw in MIMICS:
        if rng.random() < chance:
            draw(rng, chest, layers)
