"""Text that no database can hold: 400 and a sentence at every address, wherever in the request it stands."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from readerstudy.accounts.models import User
from readerstudy.lib.texts import unstorable
from readerstudy.studies.models import Membership
from tests.factories.people import member_make
from tests.factories.reading import reader_make, study_make
from tests.typed import present

NUL, HALF = "a\0b", "a\ud800b"
Role = Membership.Role


@pytest.mark.parametrize(
    ("text", "what"), [(NUL, "NUL"), (HALF, "surrogate"), ("\udfff", "surrogate"), ("Zoë 𝄞\n", "")]
)
def test_what_cannot_be_stored_is_named(text: str, what: str) -> None:
    assert what in unstorable(text)
    assert bool(unstorable(text)) == bool(what)


def client_of(user: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def refused(response: object) -> str:
    assert response.status_code == 400  # type: ignore[attr-defined]
    text: str = response.content.decode()  # type: ignore[attr-defined]
    assert "cannot be stored" in text
    return text


def patterns(resolver: URLResolver) -> list[URLPattern]:
    return [
        found for one in resolver.url_patterns for found in (patterns(one) if isinstance(one, URLResolver) else [one])
    ]


@pytest.mark.django_db
def test_every_form_refuses_it_before_anything_is_done() -> None:
    study = study_make()
    allocation = reader_make(study)
    reader = allocation.membership.user
    reading = present(allocation.readings.first())
    coordinator = member_make(study, Role.COORDINATOR, "coordinator@example.org").user
    # One value for each kind of argument that an address can have.
    values = {
        "slug": study.slug, "reading_id": reading.pk, "number": 1, "unlock_id": uuid.uuid4(), "membership_id": 1,
        "period": 1, "name": "a", "token": "a", "key": "a", "run_id": uuid.uuid4(), "uidb36": "1", "image_id": 1,
    }  # fmt: skip
    tried = 0
    for user in (reader, coordinator):
        client = client_of(user)
        for pattern in patterns(get_resolver()):
            names = pattern.pattern.regex.groupindex
            if not pattern.name or any(name not in values for name in names):
                continue
            try:
                address = reverse(pattern.name, kwargs={name: values[name] for name in names})
            except Exception:  # noqa: BLE001, S112  # an address whose argument has another form is no form of ours
                continue
            refused(client.get(address, {"q": NUL}))
            refused(client.post(address, {"reason": NUL, "email": NUL}))
            tried += 1
    assert tried > 40


@pytest.mark.django_db
def test_it_is_refused_without_being_signed_in() -> None:
    client = Client()
    said = refused(client.post(reverse("account_login"), {"login": NUL, "password": "x"}))
    assert "The form, in &#x27;login&#x27;," in said
    refused(client.get("/sign-in/a%00b/"))
    # A cookie's value may be quoted, with the character's number in it.
    refused(client.get(reverse("account_login"), headers={"cookie": 'sessionid="0123456789\\000"'}))


@pytest.mark.django_db
def test_json_of_the_reading_page_is_refused_or_stored_without_it() -> None:
    study = study_make()
    allocation = reader_make(study)
    client = client_of(allocation.membership.user)
    reading = allocation.readings.first()
    assert reading is not None
    puts = [pattern.name for pattern in patterns(get_resolver()) if pattern.name and pattern.name.endswith("_put")]
    assert len(puts) >= 5
    for name in puts:
        names = next(one for one in patterns(get_resolver()) if one.name == name).pattern.regex.groupindex
        address = reverse(name, kwargs={one: uuid.uuid4() if one != "reading_id" else reading.pk for one in names})
        for text in (NUL, HALF):
            for body in (
                {"reading": str(reading.pk), "question": text, "value": 3, "seconds": 1.0},
                {"reading": str(reading.pk), "question": "confidence", "content": {"text": text}, "seconds": 1.0},
                {"reading": str(reading.pk), "question": "confidence", "value": 3, "seconds": 1.0, "reason": text},
                {"reading": text, "reason": text, "visit": text, "reader": text},
                {
                    "events": [{"sequence": 1, "kind": "window", "panel": text, "value": {}, "seconds": 0.5}],
                    "seconds": 1,
                },
                {"events": [{"sequence": 1, "kind": "window", "value": {"a": text}, "seconds": 0.5}], "seconds": 1},
                {"events": [{"sequence": 2, "kind": text, "value": {text: 1}, "seconds": 0.5}], "seconds": 1},
            ):
                answer = client.put(address, json.dumps(body), content_type="application/json")
                assert answer.status_code < 500, (name, body)
