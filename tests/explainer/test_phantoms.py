"""Phantoms: the same for the same seed, exactly masked, and honest about what is in them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainer.phantoms import FINDINGS, Phantom, PhantomError, draw, main, write

SMALL = 128


@pytest.fixture(scope="module")
def series() -> list[Phantom]:
    return [draw(3, index, size=SMALL) for index in range(160)]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_seed_and_an_index_always_give_the_same_image() -> None:
    first, second = draw(5, 11, size=SMALL), draw(5, 11, size=SMALL)
    assert np.array_equal(first.pixels, second.pixels)
    assert first.findings == second.findings
    assert not np.array_equal(first.pixels, draw(5, 12, size=SMALL).pixels)
    assert not np.array_equal(first.pixels, draw(6, 11, size=SMALL).pixels)


def test_every_finding_occurs_and_so_do_healthy_chests(series: list[Phantom]) -> None:
    counts = {finding: sum(finding in phantom.findings for phantom in series) for finding in FINDINGS}
    assert all(10 < count < 70 for count in counts.values()), counts
    assert sum(not phantom.findings for phantom in series) > 20


def test_each_finding_has_a_mask_of_the_image_size_and_nothing_else_has(series: list[Phantom]) -> None:
    for phantom in series:
        assert set(phantom.masks) == set(phantom.findings)
        assert all(mask.shape == (SMALL, SMALL) and mask.any() for mask in phantom.masks.values())


def test_a_mass_is_three_to_six_centimetres_wide(series: list[Phantom]) -> None:
    masks = [phantom.masks["Mass"] for phantom in series if "Mass" in phantom.masks]
    # The area of a circle gives its diameter; the image is about 38 cm wide. The chest wall may cut a mass.
    diameters = [2 * float(np.sqrt(mask.sum() / np.pi)) / SMALL * 38 for mask in masks]
    assert max(diameters) < 7
    assert np.median(diameters) > 3


def test_hearts_are_wider_than_half_the_chest_exactly_where_the_label_says_so(series: list[Phantom]) -> None:
    for phantom in series:
        assert ("Cardiomegaly" in phantom.findings) == (phantom.habitus.heart >= 0.54)


def brightness(phantoms: list[Phantom], finding: str) -> tuple[float, float]:
    """Mean grey inside the masks of `finding`, and in the same places of chests without findings."""
    healthy = np.mean([phantom.pixels for phantom in phantoms if not phantom.findings], axis=0)
    ill = [phantom for phantom in phantoms if phantom.findings == (finding,)]
    inside = np.concatenate([phantom.pixels[phantom.masks[finding]] for phantom in ill])
    outside = np.concatenate([healthy[phantom.masks[finding]] for phantom in ill])
    return float(inside.mean()), float(outside.mean())


@pytest.mark.parametrize("finding", ["Atelectasis", "Effusion", "Lung Opacity", "Mass"])
def test_opaque_findings_are_brighter_than_the_same_place_of_healthy_chests(
    series: list[Phantom], finding: str
) -> None:
    inside, outside = brightness(series, finding)
    assert inside > outside + 5


def test_a_pneumothorax_is_darker_than_the_same_place_of_healthy_chests(series: list[Phantom]) -> None:
    inside, outside = brightness(series, "Pneumothorax")
    assert inside < outside


def test_chest_tubes_go_with_pneumothorax() -> None:
    series = [draw(8, index, size=32) for index in range(400)]
    with_finding = [phantom.tube is not None for phantom in series if "Pneumothorax" in phantom.findings]
    without = [phantom.tube is not None for phantom in series if "Pneumothorax" not in phantom.findings]
    assert 0.45 < np.mean(with_finding) < 0.75
    assert 0.0 < np.mean(without) < 0.08


def test_the_word_synthetic_is_burnt_into_the_same_corner_of_every_image() -> None:
    corners = [draw(3, index).pixels[480:506, 8:110] for index in range(4)]
    lettering = np.min(corners, axis=0) > 200
    assert lettering.sum() > 150
    # Framed in black, so that it can be read on any background.
    assert (np.max(corners, axis=0) < 60).sum() > 100


def test_a_written_series_is_complete_and_its_names_tell_nothing(tmp_path: Path) -> None:
    assert main(["--count", "12", "--seed", "4", "--out", str(tmp_path), "--size", "64", "--quiet"]) == 0
    labels = read(tmp_path / "labels.csv")
    assert [row["image"] for row in labels] == [f"phantom-4-{index:05d}.png" for index in range(12)]
    assert list(labels[0]) == ["image", "findings", "patient_id", "age", "sex", "view", "file"]
    assert len({row["patient_id"] for row in labels}) == 12
    masks = read(tmp_path / "masks.csv")
    for row in labels:
        with Image.open(tmp_path / row["file"]) as image:
            assert (image.mode, image.size) == ("L", (64, 64))
        named = {mask["finding"] for mask in masks if mask["image"] == row["image"]}
        assert named == set(row["findings"].split("|")) - {"No Finding"}
    for mask in masks:
        assert mask["file"] == f"masks/{Path(mask['image']).stem}__{mask['finding'].replace(' ', '_')}.png"
        with Image.open(tmp_path / mask["file"]) as image:
            assert (image.mode, image.size) == ("1", (64, 64))


def test_boxes_fit_their_masks(tmp_path: Path) -> None:
    write(tmp_path, count=8, seed=4, size=64, progress=False)
    files = {(row["image"], row["finding"]): row["file"] for row in read(tmp_path / "masks.csv")}
    boxes = read(tmp_path / "boxes.csv")
    assert len(boxes) == len(files) > 0
    for box in boxes:
        with Image.open(tmp_path / files[box["image"], box["finding"]]) as image:
            left, top, right, bottom = image.convert("L").getbbox() or (0, 0, 0, 0)
        found = tuple(int(box[name]) for name in ("x", "y", "width", "height"))
        assert found == (left, top, right - left, bottom - top)


def test_two_processes_write_what_one_writes(tmp_path: Path) -> None:
    write(tmp_path / "one", count=4, seed=2, size=64, progress=False)
    write(tmp_path / "two", count=4, seed=2, size=64, workers=2, progress=False)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_a_series_is_not_written_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, count=1, seed=2, size=32, progress=False)
    with pytest.raises(PhantomError, match="already holds phantoms"):
        write(tmp_path, count=1, seed=3, size=32, progress=False)
    assert main(["--count", "0", "--seed", "1", "--out", str(tmp_path / "new")]) == 2
    assert "--count must be at least 1" in capsys.readouterr().err
