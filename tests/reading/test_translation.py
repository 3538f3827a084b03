"""Every word that a reader is shown can be translated: under a stand-in translation none is left as it was written."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.safestring import SafeData, mark_safe
from django.utils.translation import override

from readerstudy.reading.models import Allocation
from tests.factories.reading import question_make, reader_make, study_make
from tests.typed import present

pytestmark = pytest.mark.django_db
# Names of keys, and what the study itself or the application is called.
PROPER = {"Esc", "Tab", "Enter", "Shift", "Ctrl", "Reader study", "Cardiomegaly", "UTC"}


class Words(HTMLParser):
    """What a page shows or says, in order; scripts are no words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.silent = tag in {"script", "style"}
        self.found += [value for name, value in attributes if name in {"aria-label", "title"} and value]

    def handle_endtag(self, _tag: str) -> None:
        self.silent = False

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.found.append(data)


@pytest.fixture
def translated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts «» around everything that goes through translation."""
    from django.utils import translation

    functions: Any = vars(translation)["_trans"]

    def put(text: str) -> str:
        marked = f"«{text}»"
        return mark_safe(marked) if isinstance(text, SafeData) else marked  # noqa: S308  # as gettext does

    monkeypatch.setattr(functions, "gettext", put)
    monkeypatch.setattr(functions, "pgettext", lambda _context, text: put(text))
    monkeypatch.setattr(functions, "ngettext", lambda one, more, number: put(one if number == 1 else more))


def untranslated(page: str) -> list[str]:
    """Words outside all «», which may hold one another."""
    words = Words()
    words.feed(page)
    left, depth = [], 0
    for character in "\n".join(words.found):
        depth += (character == "«") - (character == "»")
        left.append("" if depth else character)
    lines = (line.strip(" »:·–") for line in "".join(left).split("\n"))
    return [line for line in lines if re.search(r"[A-Za-z]{2}", line) and line not in PROPER]


@pytest.fixture
def allocation(client: Client) -> Allocation:
    made = reader_make(study_make("study", targets=("Cardiomegaly",)))
    client.force_login(made.membership.user)
    return made


def own_words(allocation: Allocation) -> set[str]:
    """What the study says in words of its own."""
    study = allocation.membership.study
    questions = {question.text for question in study.questions.all()}
    anchors = {anchor for question in study.questions.all() for anchor in (question.low_anchor, question.high_anchor)}
    instructions = {words.strip() for words in study.instructions.split("**")}
    return questions | anchors | instructions | {study.title, allocation.membership.user.email, "p(Cardiomegaly) ="}


def test_the_rating_page_can_be_translated(allocation: Allocation, client: Client, translated: None):
    own = own_words(allocation)
    for reading in allocation.readings.filter(period__number=1):  # both arms
        page = client.get(reverse("reading_case", args=[reading.pk])).text
        assert [words for words in untranslated(page) if re.sub(r"^\d = ", "", words) not in own] == []


def test_the_script_gets_its_catalogue_where_the_language_is_not_english(allocation: Allocation, client: Client):
    address = reverse("reading_case", args=[present(allocation.readings.first()).pk])
    assert reverse("catalogue") not in client.get(address).text
    with override("de"):
        assert f'<script src="{reverse("catalogue")}"></script>' in client.get(address).text
        assert "globals.gettext" in client.get(reverse("catalogue")).text


@pytest.mark.parametrize("name", ["home", "reading_start"])
def test_the_pages_around_it_can_be_translated(name: str, allocation: Allocation, client: Client, translated: None):
    page = client.get(reverse(name, args=[] if name == "home" else [allocation.membership.study.slug])).text
    assert [words for words in untranslated(page) if words not in own_words(allocation)] == []


def test_the_patient_and_a_question_of_yes_or_no_can_be_translated(client: Client, translated: None):
    study = study_make("study", targets=("Cardiomegaly",), show_patient=("age", "sex"))
    question_make(study, "yes_no")
    study.images.update(age=62, sex="F")
    made = reader_make(study)
    client.force_login(made.membership.user)
    page = client.get(reverse("reading_case", args=[present(made.readings.first()).pk])).text
    assert "«62-year-old woman»" in page
    assert "«Yes»" in page
    assert [words for words in untranslated(page) if re.sub(r"^\d = ", "", words) not in own_words(made)] == []
