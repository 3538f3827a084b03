"""Import: what can be used comes in once, the rest is reported with line and reason, and nothing is left half done."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import override_settings

from readerstudy.lib.media import media_path
from readerstudy.studies.models import Annotation, Image, Import, Study
from readerstudy.studies.services import ImagesImportError, images_import
from tests.factories.studies import NOW, SIDE, make_study, pixels, png, write_labels, write_pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures: a.png, b.png, c.png."""
    (tmp_path / "images").mkdir()
    for seed, name in enumerate("abc"):
        (tmp_path / "images" / f"{name}.png").write_bytes(png(pixels(seed)))
    return tmp_path


GOOD = ["a.png,Effusion|Mass,1,61,F,PA,images/a.png", "b.png,No Finding,2,,M,AP,images/b.png"]


def import_from(study: Study, folder: Path, rows: list[str], **more: Any) -> Import:
    header = str(more.pop("header", ""))
    return images_import(
        study=study, images_dir=folder, labels_csv=write_labels(folder, rows, header=header), now=NOW, **more
    )


def media_files() -> list[Path]:
    return [path for path in media_path("images").rglob("*") if path.is_file()]


def test_images_come_in_with_all_that_the_table_says(study: Study, folder: Path):
    record = import_from(study, folder, GOOD)

    assert (record.images_added, record.images_known, record.problems) == (2, 0, [])
    first, second = study.images.order_by("name")
    assert (first.name, first.patient, first.age, first.sex, first.view) == ("a.png", "1", 61, "F", "PA")
    assert first.findings == ["Effusion", "Mass"]
    assert (first.width, first.height, first.bits) == (SIDE, SIDE, 8)
    assert (second.findings, second.age) == ([], None)
    assert media_path(first.file).is_file()


def test_importing_again_adds_nothing(study: Study, folder: Path):
    import_from(study, folder, GOOD)

    record = import_from(study, folder, GOOD)

    assert (record.images_added, record.images_known, record.problems) == (0, 2, [])
    assert study.images.count() == 2
    assert len(media_files()) == 2


def test_the_same_file_under_two_names_is_one_image(study: Study, folder: Path):
    (folder / "images" / "copy.png").write_bytes((folder / "images" / "a.png").read_bytes())

    record = import_from(study, folder, [GOOD[0], "copy.png,Effusion|Mass,1,61,F,PA,images/copy.png"])

    assert (record.images_added, record.images_known) == (1, 1)
    assert study.images.get().name == "a.png"


def test_the_same_file_with_other_labels_is_a_problem(study: Study, folder: Path):
    record = import_from(study, folder, [GOOD[0], "again.png,No Finding,1,61,F,PA,images/a.png"])

    assert record.images_added == 1
    assert record.problems[0]["line"] == 3
    assert "with other labels" in record.problems[0]["reason"]


def test_two_studies_share_a_file_and_a_failure_in_one_does_not_take_it_from_the_other(study: Study, folder: Path):
    import_from(study, folder, GOOD)
    other = make_study()
    record = import_from(other, folder, [GOOD[0], "a.png,No Finding,9,61,F,PA,images/b.png"])

    assert (record.images_added, len(record.problems)) == (1, 1)
    assert all(media_path(image.file).is_file() for image in study.images.all())


def test_a_file_refused_under_one_name_and_taken_under_the_next_stays(study: Study, folder: Path):
    record = import_from(study, folder, [GOOD[0], "a.png,Mass,9,,,,images/c.png", "c.png,Mass,9,,,,images/c.png"])

    assert "another file is in the study under the name a.png" in record.problems[0]["reason"]
    assert record.images_added == 2
    assert all(media_path(image.file).is_file() for image in study.images.all())


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("c.png,Effusion,1,sixty,F,PA,images/c.png", "age is 'sixty'"),
        ("c.png,Effusion,1,60,X,PA,images/c.png", "sex is 'X'"),
        ("c.png,,1,60,F,PA,images/c.png", "findings is empty"),
        ("c.png,No Finding|Mass,1,60,F,PA,images/c.png", "at once"),
        (",Effusion,1,60,F,PA,images/c.png", "image is empty"),
        ("c.png,Effusion,1,60,F,PA", "has 6 values; the header has 7"),
        ("c.png,Effusion,1,60,F,PA,images/absent.png", "no such file"),
        ("c.png,Effusion,1,60,F,PA,images/broken.png", "neither PNG"),
        ("c.png,Effusion,1,60,F,PA,../outside.png", "only files inside"),
        ("c.png,Effusion,1,60,F,PA,images/link.png", "only files inside"),
        ("c.png,Effusion,1,60,F,PA,/etc/hostname", "only files inside"),
        ("a.png,Effusion,1,60,F,PA,images/c.png", "another file is in the study under the name a.png"),
    ],
)
def test_a_bad_row_is_reported_with_line_and_reason_and_the_rest_comes_in(
    study: Study, folder: Path, row: str, says: str
):
    (folder / "images" / "broken.png").write_bytes(b"not a picture")
    outside = folder.parent / "outside.png"
    outside.write_bytes(png(pixels(99)))
    (folder / "images" / "link.png").symlink_to(outside)

    record = import_from(study, folder, [GOOD[0], row, GOOD[1]])

    assert record.images_added == 2
    (problem,) = record.problems
    assert (problem["source"], problem["line"]) == ("labels.csv", 3)
    assert says in problem["reason"]
    assert len(media_files()) == 2


def test_a_row_that_the_database_refuses_breaks_the_import_off_and_nothing_stays(
    study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    create = Image.objects.create
    calls = []

    def fail_the_second(**fields: Any) -> Image:
        calls.append(fields)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return create(**fields)

    monkeypatch.setattr(Image.objects, "create", fail_the_second)
    with pytest.raises(KeyboardInterrupt):
        import_from(study, folder, GOOD)

    assert not study.images.exists()
    assert not Import.objects.exists()
    assert media_files() == []


def test_an_import_that_is_broken_off_leaves_no_file_of_rows_to_come(study: Study, folder: Path):
    # Files are decoded ahead of their rows by other threads: those must have ended before the files are removed.
    rows = []
    for seed in range(100, 130):
        (folder / "images" / f"{seed}.png").write_bytes(png(pixels(seed)))
        rows.append(f"{seed}.png,Mass,{seed},,,,images/{seed}.png")

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_from(study, folder, rows, progress=stop)

    assert media_files() == []


def test_byte_order_mark_windows_line_ends_and_quotes_are_understood(study: Study, folder: Path):
    labels = folder / "labels.csv"
    text = 'image,findings,patient_id,file\r\n"a.png","Effusion",1,"images/a.png"\r\n\r\nb.png,Mass,2,images/b.png\r\n'
    labels.write_bytes(b"\xef\xbb\xbf" + text.encode())

    record = images_import(study=study, images_dir=folder, labels_csv=labels, now=NOW)

    assert (record.images_added, record.problems) == (2, [])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_that_a_german_spreadsheet_saves_come_in(study: Study, folder: Path, encoding: str):
    (folder / "labels.csv").write_bytes(
        "Image;Findings;Patient_ID;Age;File;\r\na.png;Effusion|Mass;Jürgens;63;images/a.png;\r\n".encode(encoding)
    )
    boxes = folder / "boxes.csv"
    boxes.write_bytes("sep=;\r\nimage;finding;x;y;width;height\r\na.png;Mass;1,5;2,25;10;10,5\r\n".encode(encoding))

    record = images_import(study=study, images_dir=folder, labels_csv=folder / "labels.csv", boxes_csv=boxes, now=NOW)

    assert (record.images_added, record.annotations_added) == (1, 1)
    image = study.images.get()
    assert (image.findings, image.patient, image.age) == (["Effusion", "Mass"], "Jürgens", 63)
    box = Annotation.objects.get(image=image)
    assert (box.x, box.y, box.height) == (1.5, 2.25, 10.5)
    guessed = [problem["reason"] for problem in record.problems]
    assert [("Windows-1252" in reason) for reason in guessed] == ([True] if encoding == "cp1252" else [])


def test_names_that_differ_only_in_case_or_zeros_are_reported_and_not_merged(study: Study, folder: Path):
    record = import_from(
        study, folder, ["a.png,Mass,1,,,,images/a.png", "A.PNG,Mass,2,,,,images/b.png", "b.png,Mass,3,,,,images/c.png"]
    )

    assert study.images.count() == 3
    assert record.problems == []
    assert "a.png and A.PNG differ only in case, blanks, leading zeros or .0" in record.warnings[0]["reason"]


def test_a_line_is_counted_as_an_editor_does(study: Study, folder: Path):
    record = import_from(study, folder, ['"a.png","Effusion","one\ntwo",61,F,PA,images/a.png', "x.png,,1,1,F,PA,x.png"])

    assert record.problems[0]["line"] == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"image,patient_id\na.png,1\n", "has no column findings, and none .*; its columns are: image, patient_id"),
        (b"", "The file is empty"),
        (b"image,findings,Findings\na.png,Mass,Mass\n", "two columns are called findings"),
        (b"image,findings\n\x81,Mass\n", "neither UTF-8"),
        (b"image,findings\na\x00.png,Mass\n", "labels.csv, line 2: the file contains a NUL"),
        (b"image,findings\n", "lists no image"),
    ],
)
def test_a_table_that_cannot_be_read_stops_the_import(study: Study, folder: Path, content: bytes, says: str):
    labels = folder / "labels.csv"
    labels.write_bytes(content)

    with pytest.raises(ImagesImportError, match=says):
        images_import(study=study, images_dir=folder, labels_csv=labels, now=NOW)

    assert not study.imports.exists()


def test_without_a_file_column_the_images_name_is_its_file(study: Study, folder: Path):
    labels = write_labels(folder, ["a.png,Mass"], header="image,findings")

    record = images_import(study=study, images_dir=folder / "images", labels_csv=labels, now=NOW)

    assert record.images_added == 1


def test_files_named_as_seen_from_the_table_are_found_in_the_images_folder(study: Study, folder: Path):
    record = images_import(study=study, images_dir=folder / "images", labels_csv=write_labels(folder, GOOD), now=NOW)

    assert (record.images_added, record.problems) == (2, [])


def test_an_open_study_takes_no_images(folder: Path):
    study = make_study(status=Study.Status.OPEN)

    with pytest.raises(ImagesImportError, match="open for reading"):
        import_from(study, folder, GOOD)


def boxes(folder: Path, *rows: str) -> Path:
    path = folder / "boxes.csv"
    path.write_text("\n".join(["image,finding,x,y,width,height", *rows]) + "\n")
    return path


def test_boxes_come_in_once_and_bad_ones_are_reported(study: Study, folder: Path):
    rows = [
        "a.png,Effusion,1.5,2,10,20.25",
        "a.png,Mass,60,2,10,20",
        "b.png,Mass,1,2,10,20",
        "z.png,Mass,1,2,10,20",
        "a.png,Mass,1,2,0,20",
        "a.png,Mass,one,2,10,20",
        "a.png,Mass,nan,2,10,20",
    ]
    record = import_from(study, folder, GOOD, boxes_csv=boxes(folder, *rows))

    annotation = Annotation.objects.get()
    assert (annotation.x, annotation.y, annotation.width, annotation.height) == (1.5, 2, 10, 20.25)
    assert record.annotations_added == 1
    assert [(problem["source"], problem["line"]) for problem in record.problems] == [
        ("boxes.csv", line) for line in range(3, 9)
    ]
    for problem, says in zip(
        record.problems,
        ["leaves a.png, which has 64 x 64", "where Mass is negative", "no image z.png", "above zero", "no number",
         "no finite number"],
        strict=True,
    ):  # fmt: skip
        assert says in problem["reason"]

    again = import_from(study, folder, GOOD, boxes_csv=boxes(folder, rows[0]))
    assert again.annotations_added == 0


def test_the_name_that_box_files_use_for_infiltration_is_known(study: Study, folder: Path):
    record = import_from(
        study,
        folder,
        ["a.png,Infiltration,1,61,F,PA,images/a.png"],
        boxes_csv=boxes(folder, "a.png,Infiltrate,1,2,3,4"),
    )

    assert record.problems == []
    assert Annotation.objects.get().finding == "Infiltration"


def mask(path: Path, *, side: int = SIDE) -> None:
    inside = np.zeros((side, side), np.uint8)
    inside[5:9, 5:9] = 255
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(png(inside))


def test_masks_are_matched_by_name_and_what_matches_nothing_is_reported(study: Study, folder: Path):
    rows = ["a.png,Lung Opacity,1,61,F,PA,images/a.png", "b.png,Pleural_Thickening,2,,M,AP,images/b.png"]
    masks = folder / "masks"
    mask(masks / "a__Lung_Opacity.png")
    mask(masks / "b__Pleural_Thickening.png")
    mask(masks / "b__Mass.png")
    mask(masks / "z__Mass.png")
    mask(masks / "a__shortcut.png")

    record = import_from(study, folder, rows, masks_dir=masks)

    assert sorted(Annotation.objects.values_list("image__name", "finding")) == [
        ("a.png", "Lung Opacity"),
        ("b.png", "Pleural_Thickening"),
    ]
    assert [(problem["source"], problem["line"]) for problem in record.problems] == [
        ("b__Mass.png", None),
        ("z__Mass.png", None),
    ]


def test_a_table_beside_the_masks_says_whose_they_are(study: Study, folder: Path):
    masks = folder / "masks"
    mask(masks / "one.png")
    mask(masks / "two.png", side=32)
    (folder / "masks.csv").write_text(
        "image,finding,file\na.png,Mass,masks/one.png\na.png,Effusion,masks/two.png\na.png,Mass,images/a.png\n"
    )

    record = import_from(study, folder, GOOD, masks_dir=masks)

    assert Annotation.objects.get().finding == "Mass"
    assert [problem["line"] for problem in record.problems] == [3, 4]
    assert "32 x 32 pixels, its image 64 x 64" in record.problems[0]["reason"]
    assert "only files inside the masks folder" in record.problems[1]["reason"]


def test_images_of_patients_on_whom_a_model_was_developed_are_marked(study: Study, folder: Path, tmp_path: Path):
    models = tmp_path / "models"
    write_pair(models, "lungs", image_name_pattern=r"^(\d{8})_\d{3}", patients=["00000012"])
    rows = ["00000012_001.png,Mass,12,,,,images/a.png", "00000013_001.png,Mass,13,,,,images/b.png"]

    with override_settings(MODELS_DIR=models):
        import_from(study, folder, rows)

    assert list(study.images.order_by("name").values_list("used_in_development_of", flat=True)) == [["lungs"], []]


def test_progress_reaches_all_images(study: Study, folder: Path):
    seen = []

    import_from(study, folder, GOOD, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(1, 2), (2, 2)]


@pytest.mark.shared_data
def test_the_real_images_come_in_with_their_boxes(study: Study, shared_data_dir: Path, tmp_path: Path):
    folder = shared_data_dir / "nih"
    header, *rows = (folder / "labels.csv").read_text(encoding="utf-8").splitlines()
    boxed = {line.split(",")[0] for line in (folder / "boxes.csv").read_text(encoding="utf-8").splitlines()[1:]}
    # All that have a box, and one in twenty of the others.
    wanted = [row for number, row in enumerate(rows) if row.split(",")[0] in boxed or number % 20 == 0]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join([header, *wanted]), encoding="utf-8")

    record = images_import(study=study, images_dir=folder, labels_csv=labels, boxes_csv=folder / "boxes.csv", now=NOW)

    assert len(wanted) > 50
    assert (record.images_added, record.annotations_added, record.problems) == (len(wanted), 30, [])
