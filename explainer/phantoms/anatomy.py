"""A healthy frontal chest as smooth fields of attenuation: body, lungs, ribs, heart, vessels, diaphragm.

Coordinates: x from -1 (left edge of the image, the patient's right side) to 1, y from -1 (top) to 1, bent by a smooth
random warp so that no two chests share an outline. All fields are float32 (size, size).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Field = np.ndarray[tuple[int, int], np.dtype[np.float32]]


@dataclass(frozen=True)
class Habitus:
    """Who is on the picture and how it was taken; lengths in units of half the image."""

    sex: str
    age: int
    view: str
    width: float  # half the width of the rib cage
    top: float  # apex of the lungs
    base: tuple[float, float]  # dome of the diaphragm, image left and right
    fat: float  # soft tissue outside the rib cage
    heart: float  # heart width as a share of the chest width
    tilt: float  # angle of the heart's long axis
    rotation: float  # patient turned: shift of the mediastinum
    rib_spacing: float
    rib_drop: float
    rib_phase: float
    rib_contrast: float
    breast: float
    bubble: float


def draw_habitus(rng: np.random.Generator, *, heart: float | None = None) -> Habitus:
    """Draw a patient; `heart` fixes the heart's share of the chest width (else a normal one)."""
    view = "AP" if rng.random() < 0.4 else "PA"
    sex = "F" if rng.random() < 0.48 else "M"
    width = float(rng.uniform(0.72, 0.84) * (0.97 if sex == "F" else 1.0))
    base = float(rng.uniform(0.42, 0.62)) - (0.07 if view == "AP" else 0.0)
    # A raised dome looks like fluid or lost volume.
    raised = float(rng.uniform(0.07, 0.15)) if rng.random() < 0.12 else 0.0
    left_raised = rng.random() < 0.5
    # Normal hearts reach 0.53; on AP films they look larger, and such hearts are mistaken for large ones.
    normal = float(np.clip(rng.normal(0.455 + (0.025 if view == "AP" else 0), 0.035), 0.36, 0.53))
    return Habitus(
        sex=sex,
        age=int(np.clip(rng.normal(58, 17), 18, 95)),
        view=view,
        width=width,
        top=float(rng.uniform(-0.8, -0.68)),
        base=(
            base - float(rng.uniform(-0.01, 0.06)) - (raised if left_raised else 0.0),
            base + float(rng.uniform(-0.01, 0.04)) - (0.0 if left_raised else raised),
        ),
        fat=float(rng.gamma(3, 0.025)),
        heart=heart if heart is not None else normal,
        tilt=float(rng.uniform(0.35, 0.8)),
        rotation=float(rng.normal(0, 0.018)),
        rib_spacing=float(rng.uniform(0.145, 0.175)),
        rib_drop=float(rng.uniform(0.15, 0.26)),
        rib_phase=float(rng.random()),
        rib_contrast=float(rng.uniform(0.7, 1.25)),
        breast=float(rng.uniform(0.12, 0.42)) if sex == "F" else 0.0,
        bubble=float(rng.uniform(0.3, 1)) if rng.random() < 0.6 else 0.0,
    )


def soft(distance: Field, width: float) -> Field:
    """Smooth step: 0 where `distance` is below -width, 1 where it is above it; in place, for speed."""
    t = np.multiply(distance, np.float32(0.5 / width))
    t += np.float32(0.5)
    np.clip(t, 0, 1, out=t)
    rest = np.multiply(t, np.float32(-2))
    rest += np.float32(3)
    t *= t
    t *= rest
    return t


def bump(distance: Field, width: float) -> Field:
    """Gaussian of the given width."""
    t = np.multiply(distance, np.float32(0.70710678 / width))
    t *= t
    np.negative(t, out=t)
    np.exp(t, out=t)
    return t


def smooth_noise(rng: np.random.Generator, cells: int, size: int) -> Field:
    """Noise of unit standard deviation with features of about 1/cells of the image."""
    grid = Image.fromarray(rng.standard_normal((cells + 3, cells + 3), dtype=np.float32))
    # Cut half a cell on each side: the border of the bicubic upsampling is flat.
    large = grid.resize((size, size), Image.Resampling.BICUBIC, box=(1.0, 1.0, cells + 2.0, cells + 2.0))
    return np.asarray(large, dtype=np.float32)


def coordinates(rng: np.random.Generator, size: int) -> tuple[Field, Field]:
    """Bent coordinate fields x, y: slightly rotated, scaled, shifted and warped."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    angle, scale = float(rng.normal(0, 0.025)), 1 / float(rng.uniform(0.94, 1.1))
    cos, sin = np.float32(np.cos(angle) * scale), np.float32(np.sin(angle) * scale)
    dx, dy = np.float32(rng.normal(0, 0.025)), np.float32(rng.normal(0, 0.03))
    bend = np.float32(0.012)
    bent_x = cos * x - sin * y + dx + bend * smooth_noise(rng, 4, size)
    bent_y = sin * x + cos * y + dy + bend * smooth_noise(rng, 4, size)
    return bent_x, bent_y


@dataclass(frozen=True)
class Chest:
    """Fields that findings are placed in. `side` is -1 on the image's left and +1 on its right."""

    habitus: Habitus
    x: Field
    y: Field
    cage: Field  # half the width of the rib cage at this height
    lung: Field  # 0..1, what the lungs fill (heart and mediastinum cut out)
    hemithorax: Field  # 0..1, like `lung` but down to the angles and behind the heart
    heart: Field
    mediastinum: Field


def cage_half_width(y: Field, habitus: Habitus) -> Field:
    """Half the width of the lungs' outer border: an apex like a super-ellipse, then nearly parallel walls."""
    depth = np.clip((y - habitus.top) / 0.85, 0, 1)
    opening = np.sqrt(np.clip(1 - (1 - depth) ** 2.3, 0, 1))
    result: Field = (habitus.width * (opening + 0.05 * np.clip(y - 0.1, 0, 1))).astype(np.float32)
    return result


def diaphragm(x: Field, habitus: Habitus) -> Field:
    """Height of the diaphragm: a dome per side, falling to the costophrenic angle."""
    dome = np.abs(x)
    dome -= np.float32(0.3)
    dome *= dome
    dome *= np.where(np.abs(x) > np.float32(0.3), np.float32(0.75), np.float32(0.4))
    dome += np.float32(habitus.base[0]) + np.float32(habitus.base[1] - habitus.base[0]) * soft(x, 0.12)
    return dome


def hemithorax_of(x: Field, y: Field, habitus: Habitus, cage: Field) -> Field:
    """0..1: between the mediastinum, the chest wall and the diaphragm."""
    outer = soft(cage - np.abs(x), 0.012)
    inner = soft(np.abs(x - np.float32(habitus.rotation)) - np.float32(0.09), 0.05)
    return outer * inner * soft(diaphragm(x, habitus) - y, 0.012)


def build_chest(rng: np.random.Generator, habitus: Habitus, size: int) -> Chest:
    """Lay out the fields of one patient."""
    x, y = coordinates(rng, size)
    cage = cage_half_width(y, habitus)
    hemithorax = hemithorax_of(x, y, habitus, cage)
    heart = heart_of(x, y, habitus)
    mediastinum = mediastinum_of(x, y, habitus)
    lung = hemithorax * (1 - np.float32(0.88) * np.maximum(heart, np.float32(0.9) * mediastinum))
    return Chest(habitus, x, y, cage, lung, hemithorax, heart, mediastinum)


def heart_of(x: Field, y: Field, habitus: Habitus) -> Field:
    """0..1: a tilted egg whose horizontal extent is `heart` of the chest's width, most of it on the image's right."""
    width = habitus.heart * habitus.width * 2
    centre_x = np.float32(habitus.rotation + 0.17 * width)
    centre_y = np.float32(min(habitus.base) - 0.1 - 0.14 * width)
    cos, sin = float(np.cos(habitus.tilt)), float(np.sin(habitus.tilt))
    dx, dy = x - centre_x, y - centre_y
    # An egg: the end towards the apex (right and down) is narrower.
    along = (np.float32(cos) * dx + np.float32(sin) * dy) * np.float32(1 / (0.58 * width))
    across = (np.float32(cos) * dy - np.float32(sin) * dx) * np.float32(1 / (0.44 * width))
    across *= 1 + np.float32(0.22) * along
    radius = np.sqrt(along * along + across * across + np.float32(1e-6))
    return soft(1 - radius, 0.08)


def mediastinum_of(x: Field, y: Field, habitus: Habitus) -> Field:
    """0..1: the great vessels above the heart with the aortic knob, and the pulmonary trunks at the hila."""
    middle = np.float32(habitus.rotation)
    top, base = habitus.top, min(habitus.base)
    half = np.float32(0.145) + np.float32(0.05) * soft(y - np.float32(base - 0.35), 0.4)
    column = soft(half - np.abs(x - middle - np.float32(0.02)), 0.1) * soft(y - np.float32(top - 0.15), 0.3)
    knob = ellipse(x, y, (habitus.rotation + 0.1, top + 0.42), (0.09, 0.09), 0.5)
    hilum_y = np.float32((top + base) / 2 + 0.02)
    height: Field = y - hilum_y - np.where(x < middle, np.float32(0.04), np.float32(0))  # the right one is lower
    hila = bump(np.abs(x - middle) - np.float32(0.15), 0.045) * bump(height, 0.09)
    result: Field = np.maximum(np.maximum(column, np.float32(0.9) * knob), np.float32(0.45) * hila)
    return result


def ribs(chest: Chest) -> Field:
    """Posterior and anterior ribs as projected tilted ellipses: |x| = W sin t, y = y_i + drop (1 - cos t)."""
    habitus, x, y = chest.habitus, chest.x, chest.y
    reach = np.float32(habitus.width * 1.05)
    wall = np.maximum(chest.cage * np.float32(1.035), np.float32(0.25)) * np.float32(0.6) + reach * np.float32(0.4)
    share = np.clip(np.abs(x) / wall, 0, 1)
    depth = np.sqrt(1 - share * share)
    inside = soft(chest.cage * np.float32(1.05) - np.abs(x), 0.02)
    total: Field = np.zeros_like(x)
    for turn, strength in ((np.float32(-1), 1.0), (np.float32(1), 0.55)):
        phase = (y - np.float32(habitus.rib_drop) * (1 + turn * depth)) / np.float32(habitus.rib_spacing)
        phase = phase + np.float32(habitus.rib_phase)
        offset = np.abs(phase - np.floor(phase) - np.float32(0.5))
        bone = soft(np.float32(0.2) - offset, 0.1)
        edge = bump(offset - np.float32(0.19), 0.045)
        layer = (np.float32(0.7) * bone + np.float32(0.45) * edge) * np.float32(strength)
        if turn > 0:  # towards the breastbone a rib is cartilage, which hardly shows
            layer = layer * soft(share - np.float32(0.42), 0.25)
        else:
            layer = layer * (np.float32(0.8) + np.float32(0.4) * share)
        total += layer
    below = np.float32(0.35) + np.float32(0.65) * soft(diaphragm(x, habitus) - y, 0.05)
    apex = soft(y - np.float32(habitus.top - 0.06), 0.08)
    return total * inside * below * apex * np.float32(0.2 * habitus.rib_contrast)


def clavicles(rng: np.random.Generator, chest: Chest) -> Field:
    """Both collar bones, one a little higher than the other."""
    x, y = chest.x - np.float32(chest.habitus.rotation), chest.y
    total: Field = np.zeros_like(x)
    height, slope = chest.habitus.top + float(rng.uniform(0.14, 0.26)), float(rng.uniform(0.1, 0.38))
    for side in (-1, 1):
        u = np.clip((side * x - np.float32(0.07)) / np.float32(0.75), -0.2, 1.2)
        line = np.float32(height + rng.normal(0, 0.015)) - np.float32(slope) * u * (1 - np.float32(0.35) * u)
        line = line + np.float32(0.03) * np.sin(np.float32(np.pi * 2) * u)
        offset = np.abs(y - line)
        thick = np.float32(0.03) + np.float32(0.014) * np.square(1 - 2 * u)
        bone = np.float32(0.65) * soft(thick - offset, 0.014) + np.float32(0.3) * bump(offset - thick, 0.008)
        total += bone * soft(u, 0.02) * soft(1 - u, 0.1)
    return total * np.float32(0.27)


def vessels(rng: np.random.Generator, size: int, habitus: Habitus) -> Field:
    """Branching lung vessels drawn from both hila, thinner towards the periphery."""
    canvas = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(canvas)
    middle = (habitus.top + min(habitus.base)) / 2 + 0.02

    def branch(x: float, y: float, angle: float, width: float, length: float, level: int) -> None:
        for _ in range(2):
            angle += float(rng.normal(0, 0.16))
            nx, ny = x + length * np.cos(angle), y + length * np.sin(angle)
            start, end = ((x + 1) * size / 2, (y + 1) * size / 2), ((nx + 1) * size / 2, (ny + 1) * size / 2)
            pen.line([start, end], fill=int(min(255, 30 + 26 * width)), width=max(1, round(width * size / 512)))
            x, y = nx, ny
        if level:
            spread = float(rng.uniform(0.25, 0.55))
            for turn in (-spread, spread):
                branch(x, y, angle + turn, width * 0.66, length * float(rng.uniform(0.65, 0.9)), level - 1)

    for side in (-1, 1):
        for angle in np.linspace(-1.3, 1.5, 10) + rng.normal(0, 0.14, 10):
            towards = angle if side > 0 else np.pi - angle
            x = habitus.rotation + side * float(rng.uniform(0.1, 0.18))
            branch(
                x,
                middle + 0.1 * float(np.sin(angle)),
                float(towards),
                float(rng.uniform(3, 8)),
                float(rng.uniform(0.06, 0.095)),
                3,
            )
    # Lower resolution and back: a cheap blur; the coarse copy is the haze of vessels too small to see.
    total: Field = np.zeros((size, size), dtype=np.float32)
    for factor, share in ((3, 0.7), (16, 0.75)):
        small = canvas.resize((size // factor, size // factor), Image.Resampling.BOX)
        total += np.float32(share / 255) * np.asarray(
            small.resize((size, size), Image.Resampling.BICUBIC), dtype=np.float32
        )
    return total


def ellipse(x: Field, y: Field, centre: tuple[float, float], radii: tuple[float, float], edge: float) -> Field:
    """0..1 inside an upright ellipse; `edge` as a share of the radius. Computed only near it."""
    size, margin = len(x), 0.16  # the margin covers the bend of the coordinates
    spans = []
    for middle, radius in zip(centre, radii, strict=True):
        reach = radius * (1 + edge) + margin
        low, high = ((middle + sign * reach + 1) / 2 * size for sign in (-1, 1))
        spans.append(slice(max(0, min(size, int(low))), max(0, min(size, int(high)))))
    box = (spans[1], spans[0])
    dx, dy = (
        (x[box] - np.float32(centre[0])) / np.float32(radii[0]),
        (y[box] - np.float32(centre[1])) / np.float32(radii[1]),
    )
    result: Field = np.zeros_like(x)
    result[box] = soft(1 - np.sqrt(dx * dx + dy * dy), edge)
    return result
