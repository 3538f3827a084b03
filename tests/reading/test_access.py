"""Every address x every role x another study: what each may open. An address without an entry here fails."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from readerstudy.accounts.models import User
from readerstudy.explanations.models import Explanation
from readerstudy.lib.media import media_write
from readerstudy.reading.models import Reading, Unlock
from readerstudy.reading.services import reading_open
from readerstudy.studies.models import Membership, Study
from tests.factories.people import NOW, make_user, member_make
from tests.factories.reading import reader_make, study_make
from tests.factories.studies import pixels, png
from tests.typed import present

pytestmark = pytest.mark.django_db
Role = Membership.Role

#: Somebody who is not signed in; who has every role, but in another study; the reader whose case it is; another reader
#: of the study; its coordinator; its analyst; somebody who both reads and coordinates it.
ACTORS = ("nobody", "outsider", "reader", "other_reader", "coordinator", "analyst", "reading_coordinator")

# Expected answers in the order of ACTORS. 302 for nobody is the way to the sign-in page.
READERS = (302, 404, 200, 200, 403, 403, 200)
READERS_MOVE_ON = (302, 404, 302, 302, 403, 403, 302)
OWN_CASE = (302, 404, 200, 404, 404, 404, 404)
OWN_CASE_BY_SCRIPT = (401, 404, 200, 404, 404, 404, 404)
COORDINATOR = (302, 404, 403, 403, 200, 403, 403)
RESULTS = (302, 404, 403, 403, 200, 200, 403)  # how far the readers are
NOT_YET = (302, 404, 403, 403, 403, 403, 403)  # the protocol lets nobody see results before the study is closed
EXPECTED: dict[str, tuple[str, tuple[int, ...]]] = {
    "home": ("get", (302, 200, 200, 200, 200, 200, 200)),
    "signed_in": ("get", (302, 200, 200, 200, 200, 200, 200)),
    "reading_start": ("get", READERS),
    "reading_consent": ("get", READERS_MOVE_ON),  # this study asks for none
    "reading_consent_accept": ("post", READERS_MOVE_ON),
    "reading_begin": ("post", READERS_MOVE_ON),
    "reading_next": ("get", READERS_MOVE_ON),
    "reading_thanks": ("get", READERS_MOVE_ON),  # cases are left
    "reading_certificate": ("get", (302, 404, 404, 404, 403, 403, 404)),  # this study gives none
    "reading_case": ("get", OWN_CASE),
    "reading_steps": ("get", OWN_CASE),
    "reading_asset": ("get", OWN_CASE),
    "reading_feedback": ("get", (302, 404, 302, 404, 404, 404, 404)),  # of a study case nothing is told
    "reading_outline": ("get", (302, 404, 404, 404, 404, 404, 404)),
    "answer_put": ("put", OWN_CASE_BY_SCRIPT),
    "submission_put": ("put", (401, 404, 400, 404, 404, 404, 404)),  # the case is not complete
    "unlock_put": ("put", OWN_CASE_BY_SCRIPT),
    "visit_put": ("put", OWN_CASE_BY_SCRIPT),
    "events_put": ("put", OWN_CASE_BY_SCRIPT),
    "study_detail": ("get", COORDINATOR),
    "study_progress": ("get", COORDINATOR),
    "member_add": ("post", COORDINATOR),
    "study_unblind": ("post", (302, 404, 403, 403, 302, 403, 403)),
    "unlock_grant": ("post", (302, 404, 403, 403, 302, 403, 403)),
    "unlock_decline": ("post", (302, 404, 403, 403, 302, 403, 403)),
    "member_withdraw": ("post", (302, 404, 403, 403, 302, 403, 403)),
    "image_thumbnail": ("get", COORDINATOR),
    "image_decide": ("post", (302, 404, 403, 403, 302, 403, 403)),
    "explanation_retry": ("post", (302, 404, 403, 403, 302, 403, 403)),
    "case_detail": ("get", COORDINATOR),
    "case_asset": ("get", COORDINATOR),
    "results_detail": ("get", RESULTS),
    "results_state": ("get", NOT_YET),
    "results_retry": ("post", NOT_YET),
    "results_responses": ("get", NOT_YET),
    "results_figure": ("get", NOT_YET),
    "results_file": ("get", NOT_YET),
    "results_report": ("get", NOT_YET),
}
# Signing in and looking after one's own account: nothing of a study is behind these.
ACCOUNT = {
    "catalogue",
    "sign_in",
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_reauthenticate",
    "account_email",
    "account_email_verification_sent",
    "account_change_password",
    "account_set_password",
    "account_reset_password",
    "account_confirm_login_code",
    "account_confirm_email",
    "account_reset_password_from_key_done",
    "account_reset_password_from_key",
    "account_reset_password_done",
    "mfa_index",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
}
# Pages of an account that a person without password and second factor is shown as they are.
ACCOUNT_PAGES = ("account_login", "account_signup", "account_reset_password", "account_inactive")
OWN_ACCOUNT_PAGES = ("account_logout", "account_email", "account_set_password", "mfa_index")


@dataclass(frozen=True)
class Scene:
    """A study in reading with everybody in it, and what the addresses need."""

    study: Study
    reading: Reading
    explanation: Explanation
    unlock: Unlock
    people: dict[str, User | None]

    def arguments(self, name: str) -> list[Any]:
        slug, case = self.study.slug, self.reading.case
        arguments: dict[str, list[Any]] = {
            "home": [],
            "signed_in": [],
            "reading_case": [self.reading.pk],
            "reading_steps": [self.reading.pk],
            "reading_asset": [self.reading.pk, "xray.png"],
            "reading_feedback": [self.reading.pk],
            "reading_outline": [self.reading.pk, "xray"],
            "member_withdraw": [slug, self.reading.allocation.membership_id],
            "answer_put": [self.reading.pk, uuid.uuid4()],
            "submission_put": [self.reading.pk],
            "unlock_put": [self.reading.pk, self.unlock.pk],
            "unlock_grant": [slug, self.unlock.pk],
            "unlock_decline": [slug, self.unlock.pk],
            "visit_put": [self.reading.pk, uuid.uuid4()],
            "events_put": [self.reading.pk, uuid.uuid4()],
            "explanation_retry": [slug, self.explanation.pk],
            "image_thumbnail": [slug, case.image_id],
            "image_decide": [slug, case.image_id],
            "case_detail": [slug, case.number],
            "case_asset": [slug, case.number, "xray.png"],
            "results_figure": [slug, "nothing", "svg"],
            "results_file": [slug, "nothing.csv"],
            "results_retry": [slug, uuid.uuid4()],
        }
        return arguments.get(name, [slug])

    def body(self, name: str) -> dict[str, object]:
        if name == "answer_put":
            return {"question": "confidence", "value": 3, "seconds": None}
        if name == "unlock_put":
            return {"reason": "I was interrupted."}
        if name == "visit_put":
            return {"seconds": 0}
        if name == "events_put":
            return {"seconds": 0, "events": []}
        if name == "member_add":
            return {"email": "somebody@example.org", "role": Role.READER}
        return {}

    def status(self, name: str, actor: str) -> int:
        return int(self.response(name, actor).status_code)

    def response(self, name: str, actor: str) -> HttpResponseBase:
        client = Client()
        if (user := self.people[actor]) is not None:
            client.force_login(user)
        method, url = EXPECTED[name][0], reverse(name, args=self.arguments(name))
        body: object = self.body(name)
        options = {}
        if method == "put":
            body, options = json.dumps(body), {"content_type": "application/json"}
        response = getattr(client, method)(url, body, **options)
        if response.streaming:
            response.getvalue()  # read to its end, the file is closed
        found: HttpResponseBase = response
        return found


@pytest.fixture
def scene() -> Scene:
    study = study_make(targets=("Mass",), files=True)
    reader, other, both = (reader_make(study) for _ in range(3))
    member_make(study, Role.COORDINATOR, both.membership.user.email)
    elsewhere = study_make("elsewhere", targets=("Mass",))
    outsider = reader_make(elsewhere).membership.user
    for role in (Role.COORDINATOR, Role.ANALYST):
        member_make(elsewhere, role, outsider.email)
    reading = present(reader.readings.select_related("case__explanation").first())
    reading_open(reading_id=reading.pk, user=reader.membership.user, now=NOW)
    media_write(reading.case.image.file, png(pixels(1)))
    return Scene(
        study=study,
        reading=reading,
        explanation=reading.case.explanation,
        unlock=Unlock.objects.create(id=uuid.uuid4(), reading=reading, reason="Interrupted.", asked_at=NOW),
        people={
            "nobody": None,
            "outsider": outsider,
            "reader": reader.membership.user,
            "other_reader": other.membership.user,
            "coordinator": member_make(study, Role.COORDINATOR).user,
            "analyst": member_make(study, Role.ANALYST).user,
            "reading_coordinator": both.membership.user,
        },
    )


def addresses(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[URLPattern]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns)
        else:
            yield pattern


def test_every_address_has_a_name_and_an_entry():
    names = [pattern.name for pattern in addresses()]
    assert None not in names
    assert set(names) == set(EXPECTED) | ACCOUNT


@pytest.mark.parametrize("name", EXPECTED)
def test_who_may_open(name: str, scene: Scene):
    statuses = {actor: scene.status(name, actor) for actor in ACTORS}
    assert statuses == dict(zip(ACTORS, EXPECTED[name][1], strict=True))


def test_a_browser_keeps_nothing_that_somebody_saw_but_the_pictures_of_a_reading(scene: Scene):
    kept = {
        (name, actor)
        for name in EXPECTED
        for actor in ACTORS
        if "no-store" not in scene.response(name, actor).headers["Cache-Control"]
    }
    assert kept == {("reading_asset", "reader")}
    assert scene.response("reading_asset", "reader").headers["Cache-Control"].startswith("private, ")


@pytest.mark.parametrize("name", OWN_ACCOUNT_PAGES)
def test_a_browser_keeps_no_page_of_an_account(name: str, client: Client):
    client.force_login(make_user())
    assert "no-store" in client.get(reverse(name)).headers["Cache-Control"]


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in {"home", "signed_in"}])
def test_an_unknown_study_or_case_is_not_found(name: str, scene: Scene):
    arguments = scene.arguments(name)
    arguments[0] = "nowhere" if isinstance(arguments[0], str) else uuid.uuid4()
    client = Client()
    client.force_login(present(scene.people["coordinator"]))
    body = json.dumps(scene.body(name))
    response = client.generic(
        EXPECTED[name][0].upper(), reverse(name, args=arguments), body, content_type="application/json"
    )
    assert response.status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "case_detail",
        "case_asset",
        "explanation_retry",
        "image_decide",
        "image_thumbnail",
        "member_withdraw",
        "unlock_decline",
        "unlock_grant",
    ],
)
def test_a_coordinator_reaches_nothing_of_another_study_through_their_own(name: str, scene: Scene):
    elsewhere = Study.objects.get(slug="elsewhere")
    client = Client()
    client.force_login(present(scene.people["outsider"]))  # coordinates and reads elsewhere
    Study.objects.update(status=Study.Status.CLOSED)  # so that reading there does not stand in the way
    arguments = scene.arguments(name)
    arguments[0] = elsewhere.slug
    if name.startswith("case_"):
        arguments[1] = 9999
    response = getattr(client, EXPECTED[name][0])(reverse(name, args=arguments))
    assert response.status_code == 404


@pytest.mark.parametrize("name", EXPECTED)
def test_addresses_that_change_something_refuse_to_be_opened(name: str, scene: Scene):
    method = EXPECTED[name][0]
    if method == "get":
        return
    client = Client()
    client.force_login(present(scene.people["coordinator"]))
    assert client.get(reverse(name, args=scene.arguments(name))).status_code == 405


@pytest.mark.parametrize("name", ACCOUNT_PAGES)
def test_pages_for_signing_in_look_like_ours(name: str, client: Client):
    response = client.get(reverse(name))
    assert response.status_code == 200
    assert 'class="site-header"' in response.text
    assert "<style" not in response.text


@pytest.mark.parametrize("name", OWN_ACCOUNT_PAGES)
def test_pages_of_one_s_own_account_open_once_signed_in(name: str, client: Client):
    assert client.get(reverse(name)).status_code == 302
    client.force_login(make_user())
    response = client.get(reverse(name))
    assert response.status_code == 200
    assert 'class="site-header"' in response.text


def test_nobody_signs_up_by_themselves(client: Client):
    response = client.post(reverse("account_signup"), {"email": "new@example.org", "password1": "long enough a word"})
    assert "By invitation" in response.text
    assert not User.objects.exists()


def test_a_page_that_does_not_exist_says_so_in_our_look(client: Client):
    client.force_login(make_user())
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "There is no such page" in response.text
