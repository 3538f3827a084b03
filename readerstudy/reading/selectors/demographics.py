"""Age and sex of a patient in words, as far as a protocol lets readers know them."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.translation import gettext

from readerstudy.studies.models import Image

ADULT = 18
FEMALE, MALE = "F", "M"


def patient_in_words(image: Image, shown: Collection[str]) -> str:
    """As in "62-year-old woman", in the reader's language; empty where nothing is shown or known."""
    age = image.age if "age" in shown else None
    sex = image.sex.upper() if "sex" in shown else ""
    if age is None:
        return gettext("Female") if sex == FEMALE else gettext("Male") if sex == MALE else ""
    return _aged(age, sex) % {"age": age}


def _aged(age: int, sex: str) -> str:
    """Whole phrases: how age and noun go together differs between languages."""
    if sex == FEMALE:
        return gettext("%(age)s-year-old woman") if age >= ADULT else gettext("%(age)s-year-old girl")
    if sex == MALE:
        return gettext("%(age)s-year-old man") if age >= ADULT else gettext("%(age)s-year-old boy")
    return gettext("%(age)s-year-old patient")
