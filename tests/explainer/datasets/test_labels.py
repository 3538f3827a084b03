"""Rows of labels: four states, in lists and in columns, and never an absence that nobody stated."""

from __future__ import annotations

import pytest

from explainer.catalogue.findings import vocabulary
from explainer.datasets.labels import LabelError, assessed_by, assessed_of, label_table

KNOWN = vocabulary(["Pneumonia"])


def read(*rows: str, header: str = "findings", assessed: tuple[str, ...] | None = None) -> list[dict[str, str]]:
    """States by finding of each row; cells are separated by /."""
    table = label_table(header.split("/"), KNOWN)
    said = [table.read(dict(zip(table.columns, row.split("/"), strict=True))) for row in rows]
    return [
        {
            finding: str(state)
            for finding, state in one.labels(assessed_by(table, said) if assessed is None else assessed).items()
        }
        for one in said
    ]


def test_what_the_table_names_elsewhere_is_negative_where_a_row_lists_others_or_nothing() -> None:
    assert read("Pneumonia", "No Finding", "edema") == [
        {"Pneumonia": "positive", "Edema": "negative"},
        {"Pneumonia": "negative", "Edema": "negative"},
        {"Edema": "positive", "Pneumonia": "negative"},
    ]


def test_what_the_table_never_names_is_not_assessed() -> None:
    assert "Effusion" not in read("Pneumonia", "No Finding")[1]
    assert read("No Finding") == [{}]


def test_what_was_assessed_can_be_stated_for_the_table_and_for_a_row() -> None:
    assert read("Mass", "No Finding", assessed=("Pneumonia",)) == [
        {"Mass": "positive", "Pneumonia": "negative"},
        {"Pneumonia": "negative"},
    ]
    assert read("No Finding/Edema|Mass", "No Finding/", header="findings/assessed", assessed=("Pneumonia",)) == [
        {"Edema": "negative", "Mass": "negative"},
        {"Pneumonia": "negative"},
    ]


def test_uncertain_and_not_assessed_have_columns_of_their_own() -> None:
    assert read("Mass/pneumonia/Edema", "No Finding//", header="findings/uncertain/not_assessed")[0] == {
        "Mass": "positive",
        "Pneumonia": "uncertain",
        "Edema": "not assessed",
    }


def test_a_row_that_only_says_what_is_uncertain_says_nothing_of_the_rest() -> None:
    assert read("/Pneumonia", "Mass/", header="findings/uncertain")[0] == {"Pneumonia": "uncertain"}


# CheXpert's columns and values: 1 positive, 0 negative, -1 uncertain, empty not mentioned (Irvin et al. 2019).
def test_columns_of_findings_are_read_as_chexpert_writes_them() -> None:
    header = "Path/Sex/No Finding/Pleural Effusion/Edema/Support Devices"
    assert read("a/F//1.0/-1.0/", "b/M/1.0///1.0", "c/M//0.0//", header=header) == [
        {"Effusion": "positive", "Edema": "uncertain", "Support Devices": "not assessed"},
        {"Support Devices": "positive", "Effusion": "negative", "Edema": "negative"},
        {"Effusion": "negative", "Edema": "not assessed", "Support Devices": "not assessed"},
    ]


@pytest.mark.parametrize(
    ("text", "state"),
    [("1", "positive"), ("1,0", "positive"), ("0", "negative"), ("-1", "uncertain"), ("\u22121,0", "uncertain"),
     ("Positive", "positive"), ("no", "negative"), ("", "not assessed"), ("nan", "not assessed"),
     ("n/a", "not assessed")],
)  # fmt: skip
def test_a_cell_of_a_finding_s_column_may_be_a_number_or_a_word(text: str, state: str) -> None:
    table = label_table(["Pneumonia"], KNOWN)

    assert table.read({"Pneumonia": text}).states == {"Pneumonia": state}


@pytest.mark.parametrize("text", ["2", "0.87", "maybe", "-2", "inf", "1e400"])
def test_a_cell_that_could_be_anything_is_refused(text: str) -> None:
    with pytest.raises(LabelError, match=r"Pneumonia is .* it must be 1 \(positive\)"):
        label_table(["Pneumonia"], KNOWN).read({"Pneumonia": text})


@pytest.mark.parametrize(
    ("header", "row", "says"),
    [
        ("findings", "", "is empty; write No Finding"),
        ("findings", "NaN", "'NaN', which says nothing"),
        ("findings", "pending", "'pending', which says nothing"),
        ("findings", "No Finding|Mass", "No Finding and Mass at once"),
        ("findings", "normal;Calcification", "No Finding and Calcification at once"),
        ("findings/uncertain", "Mass/mass", "Mass is positive, and uncertain"),
        ("findings/not_assessed", "Mass/Mass", "Mass is positive, and not assessed"),
        ("findings/Mass", "Mass/0", "Mass is positive, and negative"),
        ("findings/No Finding", "Mass/1", "No Finding and Mass at once"),
        ("findings/uncertain", "Mass/No Finding", "name the findings that are uncertain"),
        ("findings/assessed", "Mass/Pneumonai", "assessed names 'Pneumonai'"),
    ],
)
def test_a_row_that_contradicts_itself_or_says_nothing_is_refused(header: str, row: str, says: str) -> None:
    with pytest.raises(LabelError, match=says):
        read(row, header=header)


def test_a_tube_is_no_disease() -> None:
    assert read("No Finding|support devices")[0]["Support Devices"] == "positive"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("image/age", "no column findings"),
        ("Effusion/Pleural effusion", "Effusion and Pleural effusion are both"),
    ],
)
def test_a_header_without_findings_or_with_one_twice_is_refused(header: str, says: str) -> None:
    with pytest.raises(LabelError, match=says):
        label_table(header.split("/"), KNOWN)


def test_what_was_assessed_must_be_known() -> None:
    assert assessed_of("pneumonia; pleural effusion", KNOWN) == ("Pneumonia", "Effusion")
    with pytest.raises(LabelError, match="'Pneumonai', which is no known finding"):
        assessed_of("Pneumonai", KNOWN)
