"""Truth: a label's spelling, its separators and what nobody assessed never turn a case into its contrary."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from readerstudy.studies.models import Image, Import, Study
from readerstudy.studies.selectors import truth_table, unknown_findings
from readerstudy.studies.services import ImagesImportError, SelectionError, cases_select, images_import
from tests.factories.studies import NOW, make_image, make_score, make_study, pixels, png

pytestmark = pytest.mark.django_db


def pictures(folder: Path, count: int) -> Path:
    for number in range(count):
        (folder / f"{number}.png").write_bytes(png(pixels(number)))
    return folder


def import_table(study: Study, folder: Path, text: str, *, encoding: str = "utf-8", **more: Any) -> Import:
    path = folder / "labels.csv"
    path.write_text(text, encoding=encoding)
    return images_import(study=study, images_dir=folder, labels_csv=path, now=NOW, **more)


def states(study: Study, finding: str) -> dict[str, str]:
    """Image -> state of the finding; images without a label of it are left out."""
    return dict(study.images.filter(labels__finding=finding).order_by("name").values_list("name", "labels__state"))


def scored(study: Study, target: str = "Mass") -> None:
    for image in study.images.all():
        make_score(image, target, 0.9)


#: Ways in which people and programs write the same list of findings.
SPELLINGS = {
    "Mass": ("Mass", "mass", "MASS", " mass ", "Masses", "lung_mass", "Pulmonary mass", "Lung-Mass"),
    "Effusion": ("Effusion", "effusion", "Pleural Effusion", "pleural_effusion", "PLEURAL-EFFUSION\u00a0"),
}
NOTHING = ("No Finding", "no finding", "No_Finding", "NORMAL", "No findings", "none")


def written(findings: tuple[str, ...], random_: random.Random) -> str:
    if not findings:
        return random_.choice(NOTHING)
    names = [random_.choice(SPELLINGS[name]) for name in findings]
    if random_.random() < 0.3:
        names.append(random_.choice(SPELLINGS[findings[0]]))
    random_.shuffle(names)
    return random_.choice(("|", ";", ", ", " | ", "; ")).join(names)


@pytest.mark.parametrize("seed", range(3))
def test_another_spelling_of_every_label_never_changes_the_selection(tmp_path: Path, seed: int):
    folder, random_ = pictures(tmp_path, 24), random.Random(seed)
    truth = [(("Mass",), (), ("Mass", "Effusion"), ("Effusion",))[number % 4] for number in range(24)]
    plain = [f'{number}.png,"{"|".join(found) or "No Finding"}"' for number, found in enumerate(truth)]
    other = [f'{number}.png,"{written(found, random_)}"' for number, found in enumerate(truth)]
    draws = []
    for rows in (plain, other):
        study = make_study(targets=("Mass",), cases_per_cell=6)
        record = import_table(study, folder, "\n".join(["image,findings", *rows]))
        assert (record.images_added, record.problems, record.warnings) == (24, [], [])
        study.images.update(doubts=[])  # pictures of noise
        scored(study)
        cases_select(study=study, now=NOW)
        draws.append(sorted(study.cases.values_list("image__name", "label")))

    assert draws[0] == draws[1]
    # The truth as it was written down above, and not as anything here has read it.
    for name, label in draws[0]:
        assert (label == "TP") == ("Mass" in truth[int(name.removesuffix(".png"))])


def test_only_positive_makes_a_true_positive_and_only_negative_a_false_one():
    study = make_study(targets=("Mass",), cases_per_cell=2)
    for state, count in {"positive": 3, "negative": 2, "uncertain": 5, "not assessed": 4}.items():
        for _ in range(count):
            make_score(make_image(study, labels={"Mass": state}), "Mass", 0.9)
    make_score(make_image(study, labels={"Mass": "uncertain"}), "Mass", 0.1)

    cases = cases_select(study=study, now=NOW)

    assert {(case.label, case.image.labels.get(finding="Mass").state) for case in cases} == {
        ("TP", "positive"),
        ("FP", "negative"),
    }
    assert [(row.state, row.images, row.above, row.cell and row.cell.available) for row in truth_table(study)] == [
        ("positive", 3, 3, 3),
        ("negative", 2, 2, 2),
        ("uncertain", 6, 5, None),
        ("not assessed", 4, 4, None),
    ]


def test_an_image_without_a_label_of_the_target_is_not_assessed():
    study = make_study(targets=("Mass",))
    image = make_image(study)
    image.labels.all().delete()
    make_score(image, "Mass", 0.9)

    assert [(row.state, row.images, row.above) for row in truth_table(study)][-1] == ("not assessed", 1, 1)


def test_too_few_cases_are_said_with_the_images_whose_label_is_no_truth():
    study = make_study(targets=("Mass",), cases_per_cell=2)
    for state in ("positive", "positive", "negative", "uncertain", "not assessed", "not assessed"):
        make_score(make_image(study, labels={"Mass": state}), "Mass", 0.9)

    with pytest.raises(SelectionError, match="no truth: Mass uncertain: 1, Mass not assessed: 2"):
        cases_select(study=study, now=NOW)


def test_a_data_set_that_never_labelled_a_target_supplies_none(tmp_path: Path):
    study, folder = make_study(), pictures(tmp_path, 4)
    import_table(study, folder, "image,findings\n0.png,Mass|Effusion\n1.png,No Finding\n")

    import_table(study, folder, "image,findings\n2.png,Mass\n3.png,No Finding\n")

    assert states(study, "Mass") == {"0.png": "positive", "1.png": "negative", "2.png": "positive", "3.png": "negative"}
    assert states(study, "Effusion") == {"0.png": "positive", "1.png": "negative"}


def test_what_was_assessed_can_be_stated(tmp_path: Path):
    study, folder = make_study(), pictures(tmp_path, 2)

    record = import_table(
        study, folder, "image,findings\n0.png,Mass\n1.png,No Finding\n", assessed="pleural effusion|Mass"
    )

    assert states(study, "Effusion") == {"0.png": "negative", "1.png": "negative"}
    assert (record.assessed, record.assessed_stated) == (["Effusion", "Mass"], True)


def test_what_was_assessed_must_be_findings(tmp_path: Path):
    with pytest.raises(ImagesImportError, match="'Efusion', which is no known finding"):
        import_table(make_study(), pictures(tmp_path, 1), "image,findings\n0.png,Mass\n", assessed="Mass|Efusion")


def test_a_target_that_no_table_assesses_is_an_error_of_selection(tmp_path: Path):
    study, folder = make_study(), pictures(tmp_path, 3)
    import_table(study, folder, "image,findings\n0.png,Mass\n1.png,No Finding\n2.png,Pleural fluid\n")

    with pytest.raises(SelectionError) as caught:
        cases_select(study=study, now=NOW)

    assert "No image has a label of Effusion" in str(caught.value)
    assert "--assessed" in str(caught.value)
    assert "'Pleural fluid' (1)" in str(caught.value)


def test_a_synonym_of_the_protocol_is_read(tmp_path: Path):
    study = make_study(synonyms={"Pleural fluid": "Effusion"})

    import_table(study, pictures(tmp_path, 2), "image,findings\n0.png,pleural_fluid;MASS\n1.png,Normal\n")

    assert states(study, "Effusion") == {"0.png": "positive", "1.png": "negative"}
    assert unknown_findings(study) == []


def test_unknown_text_stops_nothing_and_is_listed_with_counts(tmp_path: Path):
    study, folder = make_study(targets=("Mass",)), pictures(tmp_path, 4)
    table = "image,findings\n0.png,Calcification\n1.png,Mas\n2.png,Calcification|Mass\n3.png,No Finding\n"

    record = import_table(study, folder, table)

    assert record.images_added == 4
    assert [(one.text, one.images, one.doubted) for one in unknown_findings(study)] == [
        ("Calcification", 2, ()),
        ("Mas", 1, ("Mass",)),
    ]
    assert [warning["reason"] for warning in record.warnings] == [
        "'Calcification' is no known finding (2 rows)",
        "'Mas' is no known finding (1 row), and leaves Mass uncertain there",
    ]
    assert states(study, "Mass") == {
        "0.png": "negative",
        "1.png": "uncertain",
        "2.png": "positive",
        "3.png": "negative",
    }


def test_the_shell_lists_unknown_text_and_all_four_states(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    study, folder = make_study(targets=("Mass",)), pictures(tmp_path, 5)
    rows = ["0.png,mass,", "1.png,No Finding,", "2.png,,Mass", "3.png,Mas,", "4.png,Calcification,"]
    (folder / "labels.csv").write_text("\n".join(["image,findings,uncertain", *rows]))

    call_command("study_import", study.slug, images=str(folder), labels=str(folder / "labels.csv"))
    scored(study)
    out = io.StringIO()
    with pytest.raises(Exception, match="too few images"):
        call_command("study_select", study.slug, stdout=out)

    imported = capsys.readouterr()
    assert "'Calcification' is no known finding (1 row)" in imported.err
    assert "Assessed: Mass (the findings that the table names; state them with --assessed)" in imported.out
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert ["Mass", "positive", "1", "1"] in lines
    assert ["Mass", "negative", "2", "2"] in lines
    assert ["Mass", "uncertain", "2", "2"] in lines
    assert ["Mass", "not", "assessed", "0", "0"] in lines
    assert "No known finding: 'Mas' on 1 images; Mass uncertain there" in out.getvalue()


def test_columns_of_findings_come_in_as_chexpert_has_them(tmp_path: Path):
    study, folder = make_study(), pictures(tmp_path, 4)
    table = "image,No Finding,Pleural Effusion,Mass\n0.png,,1.0,-1.0\n1.png,1.0,,\n2.png,,,0.0\n3.png,,,\n"

    record = import_table(study, folder, table)

    assert record.problems == []
    assert states(study, "Effusion") == {"0.png": "positive", "1.png": "negative", "2.png": "not assessed",
                                         "3.png": "not assessed"}  # fmt: skip
    assert states(study, "Mass") == {"0.png": "uncertain", "1.png": "negative", "2.png": "negative",
                                     "3.png": "not assessed"}  # fmt: skip


def test_columns_that_nobody_reads_are_named_and_a_misspelt_one_with_its_name(tmp_path: Path):
    record = import_table(make_study(), pictures(tmp_path, 1), "image,findings,Patient ID,followup\n0.png,Mass,7,0\n")

    assert [warning["reason"] for warning in record.warnings] == [
        "the column Patient ID is not read: call it patient_id",
        "columns that are not read: followup",
    ]


def test_patients_and_images_that_differ_by_case_or_leading_zeros_are_reported(tmp_path: Path):
    study, folder = make_study(), pictures(tmp_path, 4)
    import_table(study, folder, "image,findings,patient_id\n0.png,Mass,p1\n")

    table = "image,findings,patient_id\n1.png,Mass, P1 \n2.png,Mass,007\n3.png,Mass,7.0\n"
    record = import_table(study, folder, table)

    assert [warning["reason"].split(":")[0] for warning in record.warnings] == [
        "the patients p1 and P1 differ only in case, blanks, leading zeros or .0 (p1 in the study; P1 in line 2)",
        "the patients 007 and 7.0 differ only in case, blanks, leading zeros or .0 (007 in line 3; 7.0 in line 4)",
    ]
    assert record.images_added == 3


def test_a_box_of_an_image_in_another_spelling_is_named_beside_it(tmp_path: Path):
    study, folder = make_study(), pictures(tmp_path, 1)
    (folder / "boxes.csv").write_text("image,finding,x,y,width,height\n0.PNG,mass,1,2,3,4\n")

    record = import_table(study, folder, "image,findings\n0.png,Mass\n", boxes_csv=folder / "boxes.csv")

    assert [problem["reason"].split(":")[0] for problem in record.problems] == [
        "no image 0.PNG is in the study",
        "0.PNG and 0.png differ only in case, blanks, leading zeros or .0",
    ]


def test_a_table_that_a_spreadsheet_saved_with_semicolons_and_decimal_commas_comes_in(tmp_path: Path):
    study, folder = make_study(), pictures(tmp_path, 2)
    table = "sep=;\r\nimage;findings;age;Mass\r\n0.png;Effusion;63,0;1,0\r\n1.png;No Finding;;\r\n"

    record = import_table(study, folder, table, encoding="utf-16")

    assert record.problems == []
    assert study.images.get(name="0.png").age == 63
    assert states(study, "Mass") == {"0.png": "positive", "1.png": "negative"}


FAULTS = {
    "labels_other_spelling": {"a": "positive", "b": "positive", "c": "negative", "d": "positive", "e": "negative"},
    "labels_comma_list": {"a": "positive", "b": "positive"},
    "labels_semicolon_excel": {"a": "positive"},
}


@pytest.mark.shared_data
@pytest.mark.parametrize("name", FAULTS)
def test_tables_that_flipped_truth_give_the_right_labels(shared_data_dir: Path, name: str):
    study, folder = make_study(targets=("Pneumonia",)), shared_data_dir / "faults" / name

    record = images_import(study=study, images_dir=folder, labels_csv=folder / "labels.csv", now=NOW)

    assert record.problems == []
    assert {image.removesuffix(".png"): state for image, state in states(study, "Pneumonia").items()} == FAULTS[name]


@pytest.mark.shared_data
def test_lower_case_labels_of_real_images_select_the_same_cases(shared_data_dir: Path, tmp_path: Path):
    """120 of these images were 98 true and 22 false positives, and 0 and 120 with one label in lower case."""
    folder = shared_data_dir / "nih"
    lines = (folder / "labels.csv").read_text().splitlines()[:61]
    draws = []
    for text in ("\n".join(lines), "\n".join(lines).replace("Pneumonia", "pneumonia")):
        (tmp_path / "labels.csv").write_text(text)
        study = make_study(targets=("Pneumonia",), cases_per_cell=6)
        images_import(study=study, images_dir=folder, labels_csv=tmp_path / "labels.csv", now=NOW)
        scored(study, "Pneumonia")
        cases_select(study=study, now=NOW)
        draws.append(sorted(study.cases.values_list("image__name", "label")))

    assert draws[0] == draws[1]


@pytest.mark.django_db(transaction=True)
def test_findings_of_before_become_labels_that_keep_the_selection():
    study = make_study()
    images = [make_image(study) for _ in range(5)]
    published = make_study(targets=("Mass",))
    shown = make_image(published)
    published.cases.create(image=shown, target="Mass", label="FP", score=0.9, number=1, created_at=NOW)
    published.audit.create(action="study_import_gifsplanation", at=NOW)
    MigrationExecutor(connection).migrate([("studies", "0006_allocation_key")])
    found: tuple[list[str], ...] = (["Mass", "Hernia"], [], ["mass"], ["Mass;Effusion"], ["No finding"])
    with connection.cursor() as cursor:
        for image, findings in zip(images, found, strict=True):
            cursor.execute(
                "UPDATE studies_image SET findings = to_jsonb(%s::text[]) WHERE id = %s", [findings, image.pk]
            )
        cursor.execute("UPDATE studies_image SET findings = '[\"Hernia\"]' WHERE id = %s", [shown.pk])
    latest = MigrationExecutor(connection)
    latest.migrate(latest.loader.graph.leaf_nodes())

    def stored(image: Image) -> dict[str, str]:
        return {
            finding: state for finding, state in image.labels.values_list("finding", "state") if finding != "Hernia"
        }

    assert [stored(image) for image in images] == [
        {"Effusion": "negative", "Mass": "positive", "Mass;Effusion": "negative"},
        {"Effusion": "negative", "Mass": "negative", "Mass;Effusion": "negative"},
        {"Effusion": "negative", "Mass": "positive", "Mass;Effusion": "negative"},
        {"Effusion": "uncertain", "Mass": "uncertain", "Mass;Effusion": "positive"},
        {"Effusion": "negative", "Mass": "negative", "Mass;Effusion": "negative"},
    ]
    assert dict(shown.labels.values_list("finding", "state")) == {"Hernia": "positive", "Mass": "negative"}
