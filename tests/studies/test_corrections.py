"""Corrections: they replace what stands until somebody reads the image, and what was before is never lost."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from readerstudy.explanations.services import ExplanationError, explanations_request
from readerstudy.reading.crossover import AllocationError
from readerstudy.reading.models import Reading
from readerstudy.reading.services import readers_allocate
from readerstudy.studies.models import Annotation, Correction, Image, Import, Study
from readerstudy.studies.services import (
    CorrectionOrder,
    Facts,
    StudyError,
    cases_select,
    image_correct,
    images_import,
    images_keep,
)
from tests.factories.people import member_make
from tests.factories.studies import NOW, make_image, make_study, make_study_ready, pixels, png
from tests.typed import present

pytestmark = pytest.mark.django_db
ORDER = CorrectionOrder("read again", NOW)
HEADER = "image,findings,patient_id,age,sex,view"
ROWS = ("0.png,Mass|Effusion,p1,61,F,PA", "1.png,No Finding,p2,50,M,PA")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(png(pixels(number)))
    return tmp_path


def import_rows(study: Study, folder: Path, *rows: str, boxes: str = "", header: str = HEADER, **more: Any) -> Import:
    (folder / "labels.csv").write_text("\n".join([header, *rows]))
    (folder / "boxes.csv").write_text(f"image,finding,x,y,width,height\n{boxes}")
    boxes_csv = folder / "boxes.csv" if boxes else None
    return images_import(
        study=study, images_dir=folder, labels_csv=folder / "labels.csv", boxes_csv=boxes_csv, now=NOW, **more
    )


def labels(image: Image) -> dict[str, str]:
    return dict(image.labels.values_list("finding", "state"))


def reasons(record: Import) -> list[str]:
    return [problem["reason"] for problem in record.problems]


def test_a_changed_table_lists_what_differs_and_changes_nothing(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS)

    record = import_rows(study, folder, "0.png,Effusion,p1,57,F,AP", ROWS[1])

    (reason,) = reasons(record)
    assert (
        "0.png, with other labels or facts: age 61, here 57; view PA, here AP; Mass positive, here negative" in reason
    )
    assert "--correct" in reason
    assert (record.images_known, record.images_corrected) == (1, 0)
    image = study.images.get(name="0.png")
    assert (image.age, labels(image)["Mass"]) == (61, "positive")
    assert not study.corrections.exists()


def test_a_table_corrects_what_is_stored_and_keeps_what_was_before(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS)

    record = import_rows(study, folder, "0.png,Effusion,P1b,57,F,", ROWS[1], order=ORDER)

    assert (record.problems, record.images_corrected, record.images_known) == ([], 1, 1)
    image = study.images.get(name="0.png")
    assert (image.age, image.patient, image.view) == (57, "P1b", "")
    assert labels(image) == {"Mass": "negative", "Effusion": "positive"}
    assert [
        (one.field, one.finding, one.before, one.after, one.outcome, one.reason) for one in study.corrections.all()
    ] == [
        ("patient", "", "p1", "P1b", "replaced", "read again"),
        ("age", "", 61, 57, "replaced", "read again"),
        ("view", "", "PA", "", "replaced", "read again"),
        ("label", "Mass", "positive", "negative", "replaced", "read again"),
    ]
    assert import_rows(study, folder, "0.png,Effusion,P1b,57,F,", ROWS[1]).problems == []


def test_a_column_that_a_table_lacks_says_nothing(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS)

    assert import_rows(study, folder, "0.png,mass;effusion", header="image,findings").problems == []


def test_a_finding_that_the_new_table_does_not_know_is_taken_back(folder: Path):
    study = make_study()
    import_rows(study, folder, "0.png,Mas,p1,,,", "1.png,Effusion,p2,,,")

    import_rows(study, folder, "0.png,Mass,p1,,,", "1.png,No Finding,p2,,,", order=ORDER)

    assert labels(study.images.get(name="0.png")) == {"Mas": "negative", "Effusion": "negative", "Mass": "positive"}
    assert labels(study.images.get(name="1.png")) == {"Effusion": "negative", "Mass": "negative"}


def test_what_a_table_newly_names_is_said_and_taken_over_only_as_a_correction(folder: Path):
    study = make_study()
    import_rows(study, folder, "0.png,Mass,,,,", "1.png,No Finding,,,,")
    rows = ("0.png,Mass,,,,", "1.png,No Finding,,,,", "2.png,Effusion,,,,")

    record = import_rows(study, folder, *rows)

    assert record.problems == []
    assert "Effusion is not assessed on 2 images of the study" in record.warnings[0]["reason"]
    assert labels(study.images.get(name="1.png")) == {"Mass": "negative"}
    import_rows(study, folder, *rows, order=ORDER)
    assert labels(study.images.get(name="1.png")) == {"Mass": "negative", "Effusion": "negative"}


def test_two_rows_of_one_table_about_one_file_never_correct_each_other(folder: Path):
    study = make_study()
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    rows = ("0.png,Mass,p1,61,F,PA", "copy.png,No Finding,p1,61,F,PA")

    for order in (None, ORDER):
        (reason,) = reasons(import_rows(study, folder, *rows, order=order))
        assert "0.png of line 2, with other labels" in reason
    assert labels(study.images.get())["Mass"] == "positive"


def test_a_moved_box_is_no_second_box(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS, boxes="0.png,Mass,1,2,10,20\n0.png,Mass,30,2,10,20\n0.png,Effusion,1,1,5,5\n")

    again = import_rows(study, folder, *ROWS, boxes="0.png,Mass,30.00004,2,10,20\n0.png,mass,1,2,10,20\n")
    moved = import_rows(study, folder, *ROWS, boxes="0.png,Mass,4,2,10,20\n")

    assert (again.problems, again.annotations_added) == ([], 0)
    assert "Mass has (1, 2) + (10 x 20) and (30, 2) + (10 x 20), here (4, 2) + (10 x 20)" in reasons(moved)[0]
    assert Annotation.objects.filter(finding="Mass").count() == 2

    import_rows(study, folder, *ROWS, boxes="0.png,Mass,4,2,10,20\n", order=ORDER)

    assert list(Annotation.objects.order_by("finding").values_list("finding", "x")) == [("Effusion", 1), ("Mass", 4)]
    correction = present(study.corrections.get())
    assert [box["x"] for box in present(correction.before)] == [1, 30]
    assert [box["x"] for box in present(correction.after)] == [4]


def test_what_was_drawn_goes_with_the_finding(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS, boxes="0.png,Mass,1,2,10,20\n0.png,Effusion,1,1,5,5\n")

    image_correct(image=study.images.get(name="0.png"), said=Facts(labels={"Mass": "uncertain"}), order=ORDER)

    assert [one.finding for one in Annotation.objects.all()] == ["Effusion"]
    assert list(study.corrections.values_list("field", "finding")) == [("label", "Mass"), ("drawn", "Mass")]


def test_nothing_can_be_drawn_of_a_finding_that_is_not_there():
    image = make_image(make_study())
    box = {"x": 1.0, "y": 1.0, "width": 2.0, "height": 2.0}

    with pytest.raises(StudyError, match="Mass is negative"):
        image_correct(image=image, said=Facts(drawn={"Mass": [box]}), order=ORDER)


def test_a_correction_needs_a_reason_and_a_difference():
    image = make_image(make_study(), age=60)

    with pytest.raises(StudyError, match="Say why"):
        image_correct(image=image, said=Facts({"age": 61}), order=CorrectionOrder("  ", NOW))
    assert image_correct(image=image, said=Facts({"age": 60}, {"Mass": "negative"}), order=ORDER) == []
    assert not image.study.audit.filter(action="image_correct").exists()


def truth_of(study: Study) -> tuple[Image, dict[str, str]]:
    """The image of a true positive, and what makes it a false one."""
    case = present(study.cases.filter(label="TP").select_related("image").first())
    return case.image, {case.target: "negative"}


def test_a_changed_truth_makes_the_selection_outdated_until_it_is_made_again():
    study = make_study_ready(targets=("Mass",), cases_per_cell=2)
    make_image(study, findings=["Mass"])
    spare = make_image(study, findings=["Mass"])
    for image in study.images.filter(predictions=None):
        image.predictions.create(classifier=study.classifier, target="Mass", score=0.9, created_at=NOW)
    member_make(study, "reader")
    image, flipped = truth_of(study)

    image_correct(image=image, said=Facts(labels=flipped), order=ORDER)

    study.refresh_from_db()
    assert f"{image.name} was corrected: Mass positive, here negative" in study.selection_outdated
    with pytest.raises(AllocationError, match="must be selected again"):
        readers_allocate(study=study, now=NOW)
    with pytest.raises(ExplanationError, match="must be selected again"):
        explanations_request(study=study, now=NOW)
    cases_select(study=study, now=NOW)
    study.refresh_from_db()
    assert study.selection_outdated == ""
    assert not study.cases.filter(image=image, label="TP").exists()
    assert spare.labels.get(finding="Mass").state == "positive"


def test_an_age_leaves_the_selection_as_it_is():
    study = make_study_ready(targets=("Mass",), cases_per_cell=2)
    image, _ = truth_of(study)

    image_correct(image=image, said=Facts({"age": 33, "sex": "F"}), order=ORDER)

    study.refresh_from_db()
    assert study.selection_outdated == ""
    assert Image.objects.get(pk=image.pk).age == 33


def begun(study: Study) -> Study:
    """Allocated, and every case opened."""
    member_make(study, "reader")
    readers_allocate(study=study, now=NOW)
    Reading.objects.filter(case__study=study).update(opened_at=NOW)
    study.refresh_from_db()
    return study


@pytest.fixture
def reading() -> Study:
    return begun(make_study_ready(targets=("Mass",), cases_per_cell=2))


def test_an_image_that_was_begun_is_corrected_by_decision_only(reading: Study):
    image, flipped = truth_of(reading)

    with pytest.raises(StudyError, match=r"has been read, or begun.*--keep.*--exclude"):
        image_correct(image=image, said=Facts({"age": 33}, flipped), order=ORDER)

    assert labels(image)["Mass"] == "positive"
    assert not reading.corrections.exists()


def test_kept_it_stays_as_it_was_read_and_is_not_asked_for_again(reading: Study):
    image, flipped = truth_of(reading)
    keep = CorrectionOrder("read again", NOW, "keep")

    image_correct(image=image, said=Facts({"age": 33}, flipped), order=keep)

    image = Image.objects.get(pk=image.pk)
    assert (image.age, labels(image)["Mass"]) == (None, "positive")
    assert set(reading.corrections.values_list("outcome", flat=True)) == {"kept"}
    assert not reading.cases.exclude(excluded_because="").exists()
    assert image_correct(image=image, said=Facts({"age": 33}, flipped), order=ORDER) == []


def test_excluded_the_case_is_in_no_analysis(reading: Study):
    from readerstudy.reading.selectors import exclusion

    image, flipped = truth_of(reading)

    image_correct(image=image, said=Facts(labels=flipped), order=CorrectionOrder("read again", NOW, "exclude"))

    case = reading.cases.get(image=image)
    assert (case.label, case.excluded_because, labels(image)["Mass"]) == ("TP", "read again", "negative")
    told = Reading.objects.filter(case__study=reading).annotate(excluded=exclusion())
    assert set(told.filter(case=case).values_list("excluded", flat=True)) == {"case excluded"}
    assert set(told.exclude(case=case).values_list("excluded", flat=True)) == {""}


def test_a_case_that_readers_have_keeps_its_truth_unless_somebody_decides():
    study = make_study_ready(targets=("Mass",), cases_per_cell=2)
    member_make(study, "reader")
    readers_allocate(study=study, now=NOW)
    image, flipped = truth_of(study)

    with pytest.raises(StudyError, match="has been given to readers, and its truth would change"):
        image_correct(image=image, said=Facts(labels=flipped), order=ORDER)
    (correction,) = image_correct(image=image, said=Facts({"age": 33}), order=ORDER)

    assert correction.outcome == "replaced"


def test_an_open_study_is_corrected_by_table_too_but_takes_no_image(folder: Path):
    study = make_study()
    import_rows(study, folder, ROWS[0])
    Study.objects.filter(pk=study.pk).update(status=Study.Status.OPEN)
    study.refresh_from_db()

    record = import_rows(study, folder, "0.png,Mass|Effusion,p1,62,F,PA", ROWS[1], order=ORDER)

    assert reasons(record) == ["it is not in the study, which is open for reading and takes no image"]
    assert study.images.get().age == 62


def test_cases_that_the_labels_contradict_are_not_given_to_readers():
    study = make_study_ready(targets=("Mass",), cases_per_cell=2)
    member_make(study, "reader")
    image, _ = truth_of(study)
    image.labels.filter(finding="Mass").update(state="uncertain")

    with pytest.raises(
        AllocationError, match=r"say otherwise than 1 cases \(the first: case \d, TP of Mass, whose label is"
    ):
        readers_allocate(study=study, now=NOW)


def test_the_record_of_corrections_is_only_added_to():
    image = make_image(make_study(), age=60)
    (made,) = image_correct(image=image, said=Facts({"age": 61}), order=ORDER)

    for change in (lambda: Correction.objects.update(reason="other"), lambda: Correction.objects.all().delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    assert Correction.objects.get(pk=made.pk).reason == "read again"


def correct(study: Study, image: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("study_correct", study.slug, image, reason="read again", stdout=out, **options)
    return out.getvalue()


def test_the_shell_corrects_one_image(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS, boxes="0.png,Effusion,1,1,5,5\n")

    said = correct(
        study, "0.png", finding=["mass=Negative", "hernia=not_assessed"], age="57", box=["pleural effusion=2,3,10,20"]
    )

    image = study.images.get(name="0.png")
    assert (image.age, labels(image)["Mass"]) == (57, "negative")
    assert (image.annotations.get().x, image.annotations.get().finding) == (2, "Effusion")
    assert "0.png: label Mass: replaced; nobody had begun to read the image" in said
    assert "Nothing to correct" in correct(study, "0.png", age="57")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"finding": ["Mas=negative"]}, "'Mas' is no known finding"),
        ({"finding": ["Mass=maybe"]}, "'maybe' is none of positive, negative, uncertain, not assessed"),
        ({"box": ["Mass=1,2,3"]}, "needs X,Y,WIDTH,HEIGHT"),
        ({"box": ["Mass=1,2,x,4"]}, "in numbers"),
        ({"box": ["Mass=60,2,10,20"]}, "leaves 0.png"),
        ({"age": "old"}, "age is 'old'"),
    ],
)
def test_the_shell_says_what_is_wrong_with_a_correction(folder: Path, options: dict[str, object], says: str):
    study = make_study()
    import_rows(study, folder, *ROWS)

    with pytest.raises(CommandError, match=says):
        correct(study, "0.png", **options)
    with pytest.raises(CommandError, match=r"has no image 0\.PNG\. There is: 0\.png"):
        correct(study, "0.PNG", age="5")


def test_the_shell_wants_a_reason_for_corrections_by_table(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS)
    given = {"images": str(folder), "labels": str(folder / "labels.csv")}

    with pytest.raises(CommandError, match=r"--correct needs --reason"):
        call_command("study_import", study.slug, correct=True, **given)
    with pytest.raises(CommandError, match="--reason only goes with --correct"):
        call_command("study_import", study.slug, reason="x", **given)


def test_an_image_that_somebody_decided_about_keeps_its_doubts_whatever_its_view(folder: Path):
    study = make_study()
    import_rows(study, folder, *ROWS)
    image = study.images.get(name="0.png")
    image.doubts = ["inverted"]
    image.save()
    images_keep(study=study, images=[image], reason="It is as it should be.", now=NOW)
    image_correct(image=image, said=Facts(facts={"view": "AP"}), order=ORDER)
    image.refresh_from_db()
    assert (image.view, image.doubts) == ("AP", ["inverted"])
