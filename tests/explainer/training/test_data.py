"""The split by patient and the reading of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explainer.training.data import Row, TrainingDataError, load, part_of, patients_in, read_labels, split_by_patient

HEADER = "image,findings,patient_id,file\n"


def rows(n: int) -> list[Row]:
    return [Row(f"{i}.png", str(i // 2), {}, Path(f"{i}.png")) for i in range(n)]


def test_the_images_of_a_patient_are_in_one_part() -> None:
    parts = split_by_patient(rows(400), seed=0, test=0.4, validation=0.2)
    patients = [{row.patient for row in parts[part]} for part in ("training", "validation", "test")]
    assert not patients[0] & patients[1]
    assert not patients[0] & patients[2]
    assert not patients[1] & patients[2]
    assert sum(len(rows) for rows in parts.values()) == 400


def test_shares_are_met_roughly_and_a_patient_stays_where_he_is_when_others_come() -> None:
    small, large = (split_by_patient(rows(n), seed=3, test=0.4, validation=0.2) for n in (1000, 4000))
    assert 0.35 < len(large["test"]) / 4000 < 0.45
    assert {row.patient for row in small["test"]} <= {row.patient for row in large["test"]}


def test_another_seed_gives_another_split() -> None:
    first, second = ([part_of(str(i), seed=seed, test=0.5, validation=0) for i in range(64)] for seed in (0, 1))
    assert first != second


def test_patients_kept_for_testing_are_never_trained_on(tmp_path: Path) -> None:
    listing = tmp_path / "boxes.csv"
    listing.write_text("image,finding,x,y,width,height\n7.png,Mass,0,0,1,1\n", encoding="utf-8")
    kept = patients_in(listing, rows(40))
    assert kept == {"3"}
    parts = split_by_patient(rows(40), seed=0, test=0, validation=0.5, always_test=kept)
    assert [row.image for row in parts["test"]] == ["6.png", "7.png"]


def test_images_are_cropped_to_the_central_square_and_labels_follow_the_targets(tmp_path: Path) -> None:
    pixels = np.zeros((40, 80), dtype=np.uint8)
    pixels[:, 20:60] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(HEADER + "a.png,mass;pleural effusion,1,a.png\na.png,EDEMA,1,a.png\n")
    data = load(read_labels(tmp_path / "labels.csv", tmp_path), targets=["Effusion", "Edema"], size=20, progress=False)
    assert data.pixels.shape == (2, 1, 20, 20)
    assert data.pixels[0, 0, 5:15, 5:15].unique().tolist() == [200]
    assert data.labels.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert data.images(slice(None)).max().item() == pytest.approx((200 / 255 * 2 - 1) * 1024)


def test_a_missing_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(HEADER + "a.png,No Finding,1,a.png\n", encoding="utf-8")
    with pytest.raises(TrainingDataError, match=r"line 2: a\.png"):
        read_labels(tmp_path / "labels.csv", tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("image,file\n", encoding="utf-8")
    with pytest.raises(TrainingDataError, match="no column patient_id"):
        read_labels(tmp_path / "labels.csv", tmp_path)


@pytest.mark.parametrize("rows", ["a.png,Mass|no edema,1,a.png\n", "a.png,No Finding,1,a.png\n"])
def test_an_uncertain_label_and_one_that_nobody_gave_are_not_taken_for_the_finding_s_absence(
    tmp_path: Path, rows: str
) -> None:
    Image.fromarray(np.zeros((40, 40), dtype=np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(HEADER + rows, encoding="utf-8")
    with pytest.raises(TrainingDataError, match="1 of 1 images have no certain label of Edema"):
        load(read_labels(tmp_path / "labels.csv", tmp_path), targets=["Edema"], size=20, progress=False)
