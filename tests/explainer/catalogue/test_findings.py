"""The vocabulary: every spelling of a name stands for it, and what only resembles it is never its absence."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explainer.catalogue.findings import STANDARD, Said, VocabularyError, vocabulary

KNOWN = vocabulary(["Pneumonia"])


@st.composite
def spellings(draw: st.DrawFn, name: str) -> str:
    """The name with other letters' case, and blanks, underscores and hyphens anywhere between its words."""
    words = name.replace("_", " ").split(" ")
    between = st.sampled_from([" ", "_", "-", "  ", "", "\u00a0", "\u2011", " - "])
    text = words[0] + "".join(draw(between) + word for word in words[1:])
    upper = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    cased = "".join(letter.upper() if up else letter.lower() for letter, up in zip(text, upper, strict=True))
    return draw(st.sampled_from(["", " ", "\u00a0", "\t"])) + cased + draw(st.sampled_from(["", " ", " \u00a0 "]))


@given(st.data(), st.sampled_from(sorted(STANDARD)))
def test_every_spelling_and_every_synonym_stands_for_its_finding(data: st.DataObject, name: str) -> None:
    text = data.draw(st.sampled_from((name, *STANDARD[name])).flatmap(spellings))

    assert KNOWN.read(text) == Said(names=(name,))


# As TorchXRayVision's data sets rename them (datasets.py), and as ChestX-ray14's box file does.
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Pleural Effusion", "Effusion"),
        ("Airspace opacity", "Lung Opacity"),
        ("Opacity", "Lung Opacity"),
        ("Lesion", "Lung Lesion"),
        ("Infiltrate", "Infiltration"),
        ("Pleural Thickening", "Pleural_Thickening"),
        ("Oedema", "Edema"),
    ],
)
def test_names_of_other_data_sets_are_known(text: str, name: str) -> None:
    assert KNOWN.name(text) == name


@pytest.mark.parametrize("text", ["No Finding", "No findings", "NORMAL", "none", "no_Finding", "no-finding"])
def test_the_absence_of_findings_has_several_names(text: str) -> None:
    assert KNOWN.read(text) == Said(nothing_found=True)


@pytest.mark.parametrize(
    "text",
    [
        "Pneumonia|Edema",
        "Pneumonia;Edema",
        "pneumonia, edema",
        "Pneumonia ; EDEMA;",
        "Pneumonia||Edema|",
        "Pneumonia\nEdema",
        "['Pneumonia', 'Edema']",
        "Pneumonia|Edema|pulmonary oedema",
        "Pneumonia,Edema;Pneumonia",
    ],
)
def test_findings_are_told_apart_whatever_separates_them(text: str) -> None:
    assert KNOWN.read(text) == Said(names=("Pneumonia", "Edema"))


def test_a_name_that_holds_a_separator_is_one_name() -> None:
    known = vocabulary(["Mass, solid", "Mass"])

    assert known.read("mass, Solid").names == ("Mass, solid",)
    assert known.read("Edema, Mass, solid;Nodule").names == ("Edema", "Mass, solid", "Nodule")
    assert known.read("Mass|Mass, solid").names == ("Mass", "Mass, solid")


@pytest.mark.parametrize(
    "text",
    [
        "pneumonai",
        "Pneumonie",
        "Pneumonia?",
        "possible pneumonia",
        "no pneumonia",
        "Pneumonia, possible",
        "Pneumonia (left lower lobe)",
        "bronchopneumonia",
        "Pneumonia|no pneumonia",
        "rule out pneumonia; unlikely",
        "Pneumonia.",
    ],
)
def test_what_resembles_or_doubts_a_finding_leaves_it_uncertain(text: str) -> None:
    said = KNOWN.read(text)

    assert said.doubtful == ("Pneumonia",)
    assert said.names == ()
    assert said.unknown


def test_a_denial_reaches_all_that_it_lists() -> None:
    assert set(KNOWN.read("no pneumonia, edema").doubtful) == {"Pneumonia", "Edema"}
    assert KNOWN.read("possible pneumonia|Edema").names == ("Edema",)


def test_one_name_for_either_of_two_findings_leaves_both_uncertain() -> None:
    assert set(KNOWN.read("Nodule/Mass").doubtful) == {"Nodule", "Mass"}


@pytest.mark.parametrize("text", ["Calcification", "Massive", "Pneumoperitoneum", "Aortic enlargement", "Bronchitis"])
def test_a_text_that_speaks_of_something_else_doubts_nothing(text: str) -> None:
    assert KNOWN.read(text) == Said(unknown=(text,))


def test_a_target_gives_its_own_name_to_the_standard_finding() -> None:
    known = vocabulary(["Pleural Effusion"])

    assert [known.name(text) for text in ("Effusion", "pleural_effusion", "EFFUSIONS")] == ["Pleural Effusion"] * 3
    assert "Effusion" not in known.names


def test_two_targets_that_the_standard_takes_for_one_stay_two() -> None:
    known = vocabulary(["Lung Opacity", "Airspace Opacity"])

    assert known.name("airspace opacity") == "Airspace Opacity"
    assert known.name("opacity") == "Lung Opacity"


def test_a_study_can_add_synonyms() -> None:
    known = vocabulary(["Effusion"], {"Pleural fluid": "Effusion", "o. B.": "No Finding"})

    assert known.name("PLEURAL_FLUID") == "Effusion"
    assert known.nothing_found("o. b.")


@pytest.mark.parametrize(
    ("text", "meant", "says"),
    [
        ("Pleural fluid", "Efusion", "no known finding"),
        ("Mass", "Effusion", "is the finding Mass already"),
        ("Normal", "Effusion", "stands for No Finding already"),
        ("Mass", "No Finding", "is the finding Mass already"),
        (" ", "Effusion", "is empty"),
    ],
)
def test_a_synonym_that_contradicts_the_vocabulary_is_refused(text: str, meant: str, says: str) -> None:
    with pytest.raises(VocabularyError, match=says):
        vocabulary(["Effusion"], {text: meant})


def test_the_vocabulary_loads_neither_torch_nor_django() -> None:
    code = (
        "import sys, explainer.catalogue.findings, explainer.datasets.labels; "
        "print([name for name in ('torch', 'django', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
