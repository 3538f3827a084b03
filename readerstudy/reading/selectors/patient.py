"""Age and sex of a patient in words, as far as a protocol lets readers know them."""

from __future__ import annotations

from collections.abc import Collection

from readerstudy.studies.models import Image

ADULT = 18
WORDS = {"F": ("girl", "woman"), "M": ("boy", "man")}


def patient_in_words(image: Image, shown: Collection[str]) -> str:
    """As in "62-year-old woman"; empty where nothing is shown or known."""
    age = image.age if "age" in shown else None
    words = WORDS.get(image.sex.upper()) if "sex" in shown else None
    if age is None:
        return {"girl": "Female", "boy": "Male"}[words[0]] if words else ""
    who = words[age >= ADULT] if words else "patient"
    return f"{age}-year-old {who}"
