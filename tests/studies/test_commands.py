"""The same from a shell: what the commands print, and that a failure is an error with a clear message."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from readerstudy.studies.models import Annotation, Study
from tests.factories.studies import PAPER, make_scored_pool, make_study, pixels, png, write_labels

pytestmark = pytest.mark.django_db


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_a_study_is_created_from_its_protocol_and_only_once():
    assert "latent-shift" in run("study_create", str(PAPER))
    assert Study.objects.get().slug == "latent-shift"

    with pytest.raises(CommandError, match="another slug"):
        run("study_create", str(PAPER))


def test_a_wrong_protocol_is_an_error_that_names_the_line(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(PAPER.read_text().replace("cases_per_cell = 20", "cases_per_cell = 19"))

    with pytest.raises(CommandError, match=r"mine\.toml, line \d+: `study.cases_per_cell`"):
        run("study_create", str(path))


def test_an_import_says_what_came_in_and_what_did_not(tmp_path: Path):
    study = make_study()
    (tmp_path / "a.png").write_bytes(png(pixels(1)))
    labels = write_labels(tmp_path, ["a.png,Mass,1,61,F,PA,a.png", "b.png,Mass,1,61,F,PA,b.png"])
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("image,finding,x,y,width,height\na.png,Mass,1,2,3,4\n")

    said = run("study_import", study.slug, "--images", str(tmp_path), "--labels", str(labels), "--boxes", str(boxes))

    assert "labels.csv, line 3: b.png: there is no such file" in said
    assert "1 images imported, 0 were there already, 1 annotations, 1 problems." in said
    assert Annotation.objects.count() == 1


def test_boxes_and_masks_together_are_refused(tmp_path: Path):
    both = ["--images", ".", "--labels", "x.csv", "--boxes", "b.csv", "--masks", "m"]

    with pytest.raises(CommandError, match="not allowed with"):
        run("study_import", make_study().slug, *both)


def test_an_import_of_nothing_is_an_error(tmp_path: Path):
    study = make_study()
    labels = write_labels(tmp_path, ["b.png,Mass,1,61,F,PA,b.png"])

    with pytest.raises(CommandError, match="Nothing could be imported"):
        run("study_import", study.slug, "--images", str(tmp_path), "--labels", str(labels))
    with pytest.raises(CommandError, match="is not a folder"):
        run("study_import", study.slug, "--images", str(tmp_path / "absent"), "--labels", str(labels))


def test_selection_prints_its_table():
    study = make_study()
    make_scored_pool(study, per_cell=3)

    said = run("study_select", study.slug)

    assert re.search(r"Effusion +TP +2 of 3", said)
    assert "8 cases selected" in said


def test_a_selection_of_too_few_is_an_error_with_the_table():
    study = make_study(cases_per_cell=10)
    make_scored_pool(study, per_cell=3)

    with pytest.raises(CommandError, match="3 of 10"):
        run("study_select", study.slug)


def test_a_member_gets_a_link():
    study = make_study()
    said = run(
        "study_member_add", study.slug, "ann@example.org", "--role", "reader", "--address", "https://study.example.org/"
    )

    assert "R1" in said
    assert re.search(r"https://study\.example\.org/sign-in/[\w-]{40,}/", said)


def test_an_unknown_study_is_named_with_those_there_are():
    study = make_study()

    with pytest.raises(CommandError, match=f"There is no study 'absent'.*{study.slug}"):
        run("study_select", "absent")
