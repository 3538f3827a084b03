"""Draw one synthetic chest X-ray from a seed and an index: the picture, its labels, its masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explainer.phantoms.anatomy import (
    Chest,
    Field,
    Habitus,
    build_chest,
    bump,
    clavicles,
    diaphragm,
    draw_habitus,
    ellipse,
    ribs,
    smooth_noise,
    soft,
    vessels,
)
from explainer.phantoms.findings import DRAW, FINDINGS, Layers, Mask, chest_tube
from explainer.phantoms.mimics import add_mimics

SIZE = 512
#: Chance of each finding, and of a chest tube with and without pneumothorax.
FINDING_CHANCE = {
    "Atelectasis": 0.2,
    "Cardiomegaly": 0.24,
    "Effusion": 0.22,
    "Lung Opacity": 0.2,
    "Mass": 0.2,
    "Pneumothorax": 0.2,
}
TUBE_WITH_PNEUMOTHORAX = 0.6
TUBE_OTHERWISE = 0.03


@dataclass(frozen=True)
class Phantom:
    """A synthetic X-ray; every patient has one, whose name is the patient's id.

    `pixels` uint8 (size, size), `masks` by finding, `tube` the shortcut's mask or None.
    """

    name: str
    patient: str
    habitus: Habitus
    findings: tuple[str, ...]
    pixels: np.ndarray[tuple[int, int], np.dtype[np.uint8]]
    masks: dict[str, Mask]
    tube: Mask | None


def draw(seed: int, index: int, *, size: int = SIZE) -> Phantom:
    """Phantom number `index` of series `seed`; always the same for the same two numbers and size."""
    rng = np.random.default_rng([seed, index])
    present = [name for name in FINDINGS if rng.random() < FINDING_CHANCE[name]]
    wide = float(rng.uniform(0.54, 0.68)) if "Cardiomegaly" in present else None
    habitus = draw_habitus(rng, heart=wide)
    chest = build_chest(rng, habitus, size)
    layers = Layers.healthy(chest)
    add_mimics(rng, chest, layers)
    masks: dict[str, Mask] = {}
    tube = None
    for name in present:
        side = -1 if rng.random() < 0.5 else 1
        mask = DRAW[name](rng, chest, layers, side, float(rng.beta(1.1, 1.5)))
        if mask.sum() >= 12:  # too little to see: not there, and not in the label
            masks[name] = mask
        if name == "Pneumothorax" and rng.random() < TUBE_WITH_PNEUMOTHORAX:
            tube = chest_tube(rng, chest, layers, side)
    if tube is None and "Pneumothorax" not in masks and rng.random() < TUBE_OTHERWISE:
        tube = chest_tube(rng, chest, layers, -1 if rng.random() < 0.5 else 1)
    pixels = _expose(rng, _attenuation(rng, chest, layers), habitus)
    _stamp(pixels)
    name = f"phantom-{seed}-{index:05d}"
    return Phantom(name, name, habitus, tuple(masks), pixels, masks, tube)


def _attenuation(rng: np.random.Generator, chest: Chest, layers: Layers) -> Field:
    """How much of the beam each pixel loses."""
    habitus, x, y = chest.habitus, chest.x, chest.y
    size = len(x)
    # The torso: neck, shoulders, flanks.
    slope = soft(y - np.float32(habitus.top - 0.02 - 0.18), 0.16)
    outline = (
        np.float32(0.3)
        + (np.float32(habitus.width + 0.16 + habitus.fat - 0.3) + np.float32(0.25) * bump(y + 0.6, 0.3)) * slope
    )
    share = np.clip(np.abs(x) / outline, 0, 1)
    body = np.sqrt(1 - np.float32(0.96) * share * share) * soft(outline - np.abs(x), 0.02)
    total: Field = np.float32(1.05 + 1.2 * habitus.fat) * body
    dome = diaphragm(x, habitus)
    total += np.float32(0.4) * soft(y - dome, 0.05) * body
    # The lungs are air: they take away, most where the chest is deep.
    deep = np.float32(0.6) + np.float32(0.4) * np.sqrt(
        np.clip(1 - np.square(x / np.maximum(chest.cage, 0.1) * 0.98), 0, 1)
    )
    air = chest.lung * deep * layers.air
    total -= np.float32(0.86) * air
    total += (
        np.float32(0.34)
        * vessels(rng, size, habitus)
        * (np.float32(0.25) * chest.hemithorax + np.float32(0.75) * chest.lung)
        * layers.markings
    )
    texture = np.float32(0.6) * smooth_noise(rng, 36, size) + np.float32(0.5) * smooth_noise(rng, 90, size)
    total += np.float32(0.03) * texture * chest.lung * layers.markings
    # Spine, with vertebrae that shine through, and the windpipe.
    spine = soft(np.float32(0.085) - np.abs(x - np.float32(habitus.rotation * 0.3)), 0.03)
    discs = np.float32(0.75) + np.float32(0.25) * np.cos(y * np.float32(2 * np.pi / (0.9 * habitus.rib_spacing)))
    total += np.float32(0.13) * spine * discs
    total += np.float32(0.1) * chest.mediastinum + np.float32(0.12) * chest.heart * (
        1 - np.float32(0.6) * soft(y - dome, 0.05)
    )
    carina = np.float32(habitus.top + 0.5)
    windpipe = bump(x - np.float32(habitus.rotation * 1.4), 0.032) * soft(carina - y, 0.06)
    bronchi = bump(np.abs(x - np.float32(habitus.rotation)) - np.float32(0.8) * (y - carina), 0.026)
    bronchi = bronchi * soft(y - carina, 0.03) * soft(carina + np.float32(0.16) - y, 0.06)
    total -= np.float32(0.17) * windpipe * soft(y + 1, 0.2) + np.float32(0.08) * bronchi
    # Shoulder blades and arms.
    for side in (-1, 1):
        edge = np.float32(side) * x - np.float32(habitus.width * 0.93) + np.float32(0.3) * (y + np.float32(0.25))
        blade = soft(edge, 0.05) * soft(np.float32(0.05) - y, 0.2) * soft(y - np.float32(habitus.top + 0.1), 0.2)
        total += np.float32(0.08 if habitus.view == "PA" else 0.13) * blade
        centre = (side * (habitus.width + 0.22), habitus.top + 0.12)
        total += np.float32(0.13) * ellipse(x, y, centre, (0.15, 0.19), 0.5)
    total += ribs(chest) + clavicles(rng, chest)
    if habitus.breast:
        for side in (-1, 1):
            centre = (side * (0.43 + float(rng.normal(0, 0.02))), 0.12 + float(rng.normal(0, 0.03)))
            total += np.float32(habitus.breast * 0.4) * ellipse(x, y, centre, (0.33, 0.36), 0.2)
    if habitus.bubble:
        centre = (0.36 + float(rng.normal(0, 0.04)), habitus.base[1] + float(rng.uniform(0.1, 0.16)))
        total -= np.float32(0.33 * habitus.bubble) * ellipse(x, y, centre, (float(rng.uniform(0.09, 0.17)), 0.07), 0.4)
    return total + layers.dense


def _expose(
    rng: np.random.Generator, attenuation: Field, habitus: Habitus
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Turn attenuation into 8-bit grey: harmonised as detectors do it, with quantum noise and random exposure."""
    size = len(attenuation)
    small = (
        Image.fromarray(attenuation)
        .resize((24, 24), Image.Resampling.BOX)
        .resize((size, size), Image.Resampling.BICUBIC)
    )
    value = attenuation - np.float32(rng.uniform(0.15, 0.4)) * (np.asarray(small, dtype=np.float32) - np.float32(0.8))
    centre, contrast = float(rng.normal(0.86, 0.06)), float(rng.uniform(1.5, 2.1))
    grey = np.float32(0.52) + np.float32(0.5) * np.tanh((value - np.float32(centre)) * np.float32(contrast))
    grain = rng.standard_normal((size, size), dtype=np.float32)
    noise = np.float32(rng.uniform(0.008, 0.028) * (1.25 if habitus.view == "AP" else 1.0))
    grey = grey + noise * grain * (np.float32(1.25) - grey)
    grey = grey + np.float32(0.012) * smooth_noise(rng, 6, size)
    pixels = np.clip(grey * np.float32(250), 0, 255)
    grey_levels: np.ndarray[tuple[int, int], np.dtype[np.uint8]] = pixels.astype(np.uint8)
    return grey_levels


def _stamp(pixels: np.ndarray[tuple[int, int], np.dtype[np.uint8]]) -> None:
    """Burn the word SYNTHETIC into the lower left corner; every phantom carries it in the same place."""
    size = len(pixels)
    font = ImageFont.load_default(size=max(8, round(size * 0.03)))
    label = Image.fromarray(pixels)
    corner = (size * 0.025, size * 0.945)
    ImageDraw.Draw(label).text(
        corner, "SYNTHETIC", fill=245, font=font, stroke_width=max(1, size // 256), stroke_fill=20
    )
    pixels[:] = np.asarray(label)
