"""Doubtful images: imported with their doubts, left out until a person has looked; any image can be excluded."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image as Picture

from explainer.phantoms import draw
from readerstudy.studies.models import Image, Study
from readerstudy.studies.selectors import candidates, images_doubted, images_left_out
from readerstudy.studies.services import (
    DecisionError,
    SelectionError,
    cases_select,
    images_exclude,
    images_import,
    images_keep,
)
from tests.factories.people import make_user
from tests.factories.studies import NOW, TARGETS, make_scored_pool, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool() -> list[Image]:
    """A study with just as many images as its cases need."""
    return make_scored_pool(make_study())


def doubt(image: Image, *names: str) -> None:
    image.doubts = list(names or ("inverted",))
    image.save(update_fields=["doubts"])


def chest_files(folder: Path) -> Path:
    """Four phantoms: as they are, inverted, and one that the table calls a lateral; their labels.csv."""
    folder.mkdir()
    grey = draw(21, 3, size=256).pixels
    turned = draw(21, 4, size=256).pixels
    for name, values in (("good", grey), ("inverted", 255 - grey), ("side", turned)):
        Picture.fromarray(values).save(folder / f"{name}.png")
    red = np.repeat(draw(21, 5, size=256).pixels[..., None], 3, axis=2)
    red[100:104, 60:160] = (255, 0, 0)
    Picture.fromarray(red).save(folder / "red.png")
    table = folder / "labels.csv"
    rows = ["good.png,No Finding,PA", f"inverted.png,{TARGETS[0]},PA", "side.png,No Finding,LATERAL"]
    table.write_text("\n".join(["image,findings,view", *rows, "red.png,No Finding,AP"]) + "\n")
    return table


def test_import_names_the_doubts_of_each_image(tmp_path: Path) -> None:
    study = make_study()
    table = chest_files(tmp_path / "images")
    record = images_import(study=study, images_dir=tmp_path / "images", labels_csv=table, now=NOW)
    assert record.problems == []
    assert dict(study.images.values_list("name", "doubts")) == {
        "good.png": [],
        "inverted.png": ["inverted"],
        "side.png": ["lateral"],
        "red.png": ["colour"],
    }


def test_the_import_command_says_how_many_images_are_doubtful(tmp_path: Path) -> None:
    study = make_study()
    table = chest_files(tmp_path / "images")
    out = StringIO()
    call_command("study_import", study.slug, images=str(tmp_path / "images"), labels=str(table), stdout=out)
    assert f"3 images are doubtful and are left out until somebody looks: study_doubts {study.slug}" in out.getvalue()


def test_a_doubtful_image_is_no_candidate_until_it_is_kept(pool: list[Image]) -> None:
    study = pool[0].study
    doubt(pool[0])
    assert pool[0].pk not in {one.image_id for cell in candidates(study).values() for one in cell}
    with pytest.raises(SelectionError, match=r"1 images do not count since nobody has looked .*study_doubts"):
        cases_select(study=study, now=NOW)
    images_keep(study=study, images=[pool[0]], reason="an old film, right way round", now=NOW)
    assert pool[0].pk in {case.image_id for case in cases_select(study=study, now=NOW)}


def test_an_excluded_image_is_no_candidate_though_nothing_was_doubtful(pool: list[Image]) -> None:
    study = pool[0].study
    images_exclude(study=study, images=[pool[0]], reason="the patient withdrew consent", now=NOW)
    with pytest.raises(SelectionError, match="1 images do not count since they were excluded"):
        cases_select(study=study, now=NOW)


def test_training_cases_are_never_of_doubtful_images() -> None:
    study = make_study()
    study.reading = {**study.reading, "training_cases": 2}
    study.save(update_fields=["reading"])
    pool = make_scored_pool(study, per_cell=4)
    for image in pool[::4]:
        doubt(image)
    cases_select(study=study, now=NOW)
    shown = set(study.cases.values_list("image_id", flat=True))
    assert study.cases.training().count() == 2
    assert shown.isdisjoint({image.pk for image in pool[::4]})


def test_a_decision_is_recorded_with_who_when_and_why(pool: list[Image]) -> None:
    study, coordinator = pool[0].study, make_user("coordinator@example.org")
    doubt(pool[0], "text")
    images_exclude(study=study, images=pool[:1], reason="  names\nthe patient ", now=NOW, actor=coordinator)
    image = study.images.get(pk=pool[0].pk)
    assert (image.decision, image.decision_reason, image.decided_by, image.decided_at) == (
        "exclude",
        "names the patient",
        coordinator,
        NOW,
    )
    images_keep(study=study, images=[image], reason="it is a marker", now=NOW)
    entries = list(study.audit.filter(action__startswith="image_").order_by("pk"))
    assert [(entry.action, entry.actor, entry.detail["before"], entry.detail["reason"]) for entry in entries] == [
        ("image_exclude", coordinator, "", "names the patient"),
        ("image_keep", None, "exclude", "it is a marker"),
    ]
    assert entries[0].detail["doubts"] == ["text"]


def test_deciding_the_same_again_changes_and_records_nothing(pool: list[Image]) -> None:
    study = pool[0].study
    assert len(images_exclude(study=study, images=pool[:1], reason="blurred", now=NOW)) == 1
    assert images_exclude(study=study, images=pool[:1], reason="again", now=NOW) == []
    assert study.images.get(pk=pool[0].pk).decision_reason == "blurred"
    assert study.audit.filter(action="image_exclude").count() == 1


@pytest.mark.parametrize("reason", ["  ", "a\0b", "half \ud800"])
def test_no_decision_without_a_reason_that_can_be_kept(pool: list[Image], reason: str) -> None:
    with pytest.raises(DecisionError, match="Say why the images are excluded"):
        images_exclude(study=pool[0].study, images=pool[:1], reason=reason, now=NOW)
    assert images_left_out(pool[0].study).excluded == 0


def test_an_image_that_nobody_doubts_need_not_be_kept(pool: list[Image]) -> None:
    with pytest.raises(DecisionError, match="Nothing is doubtful about"):
        images_keep(study=pool[0].study, images=pool[:1], reason="fine", now=NOW)


def test_images_of_another_study_are_not_touched(pool: list[Image]) -> None:
    other = make_study()
    assert images_exclude(study=other, images=pool, reason="not mine", now=NOW) == []
    assert images_left_out(pool[0].study).excluded == 0


@pytest.mark.parametrize("status", [Study.Status.OPEN, Study.Status.CLOSED])
def test_once_readers_have_cases_the_images_stay(pool: list[Image], status: str) -> None:
    study = pool[0].study
    doubt(pool[0])
    study.status = status
    study.save(update_fields=["status"])
    for decide in (images_exclude, images_keep):
        with pytest.raises(DecisionError, match=r"leave its cases out of the analysis \(study_correct"):
            decide(study=study, images=pool[:1], reason="late", now=NOW)
    assert images_doubted(study).count() == 1


def test_the_doubts_command_lists_keeps_and_remembers(pool: list[Image]) -> None:
    study = pool[0].study
    doubt(pool[0], "lateral", "text")
    out = StringIO()
    call_command("study_doubts", study.slug, stdout=out)
    assert f"{pool[0].name}: lateral, text" in out.getvalue()
    assert "It is said to be a lateral view" in out.getvalue()
    assert "1 images to look at." in out.getvalue()
    out = StringIO()
    call_command("study_doubts", study.slug, "--keep", pool[0].name, "--reason", "is frontal", stdout=out)
    assert "1 images kept, 0 were kept already." in out.getvalue()
    out = StringIO()
    call_command("study_doubts", study.slug, stdout=out)
    assert "0 images to look at." in out.getvalue()
    assert "by the command line: is frontal" in out.getvalue()


def test_images_that_came_before_there_were_doubts_are_examined(tmp_path: Path) -> None:
    study = make_study()
    table = chest_files(tmp_path / "images")
    images_import(study=study, images_dir=tmp_path / "images", labels_csv=table, now=NOW)
    study.images.exclude(name="red.png").update(doubts=[])
    kept = study.images.get(name="side.png")
    images_exclude(study=study, images=[kept], reason="a lateral", now=NOW)
    out = StringIO()
    call_command("study_doubts", study.slug, "--examine", stdout=out)
    assert "Examined: the doubts of 1 images changed." in out.getvalue()
    assert dict(study.images.values_list("name", "doubts")) == {
        "good.png": [],
        "inverted.png": ["inverted"],
        "side.png": [],  # somebody had decided about it
        "red.png": ["colour"],  # which the stored picture does not tell any more
    }


def test_a_corrected_view_is_another_doubt_or_none(tmp_path: Path) -> None:
    study = make_study()
    table = chest_files(tmp_path / "images")
    images_import(study=study, images_dir=tmp_path / "images", labels_csv=table, now=NOW)
    call_command("study_correct", study.slug, "side.png", "--view", "PA", "--reason", "the table was wrong")
    call_command("study_correct", study.slug, "good.png", "--view", "LATERAL", "--reason", "the table was wrong")
    assert study.images.get(name="side.png").doubts == []
    assert study.images.get(name="good.png").doubts == ["lateral"]


def test_the_exclude_command_says_that_cases_must_be_selected_again(pool: list[Image]) -> None:
    study = pool[0].study
    cases_select(study=study, now=NOW)
    out = StringIO()
    call_command("study_exclude", study.slug, pool[0].name, "--reason", "blurred", stdout=out)
    assert "1 images excluded, 0 were excluded already." in out.getvalue()
    assert f"1 selected cases show an excluded image. Select again: study_select {study.slug}" in out.getvalue()


def test_a_name_that_the_study_does_not_know_changes_nothing(pool: list[Image]) -> None:
    study = pool[0].study
    with pytest.raises(CommandError, match=r"has no image nobody\.png\. Nothing was changed"):
        call_command("study_exclude", study.slug, pool[0].name, "nobody.png", "--reason", "blurred")
    assert images_left_out(study).excluded == 0


def test_the_select_command_counts_what_is_left_out() -> None:
    study = make_study()
    pool = make_scored_pool(study, per_cell=3)
    doubt(pool[0])
    images_exclude(study=study, images=pool[-1:], reason="blurred", now=NOW)
    out = StringIO()
    call_command("study_select", study.slug, stdout=out)
    assert f"Not looked at: 1 images with doubts (study_doubts {study.slug})" in out.getvalue()
    assert "Excluded: 1 images" in out.getvalue()
