"""One-time sign-in links and the closed front door."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from readerstudy.accounts.models import SignInLink, User
from readerstudy.accounts.services import (
    SignInLinkError,
    sign_in_link_create,
    sign_in_link_open,
    sign_in_link_use,
    user_get_or_create,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def reader(db: None) -> User:
    return user_get_or_create(email="reader@example.org", name="Ada Reader")[0]


@pytest.mark.django_db
def test_opening_a_link_does_not_use_it_up_but_its_button_signs_in_once(client: Client, reader: User) -> None:
    address = reverse("sign_in", args=[sign_in_link_create(user=reader, now=timezone.now(), hours=1)])
    assert client.get(address).status_code == 200
    assert client.get(address).status_code == 200
    assert client.get(reverse("home")).status_code == 302

    client.post(address)
    assert client.get(reverse("home")).status_code == 200
    assert Client().post(address).status_code == 410


@pytest.mark.django_db(transaction=True)
def test_of_two_simultaneous_uses_of_a_link_one_succeeds() -> None:
    reader = user_get_or_create(email="reader@example.org")[0]
    token = sign_in_link_create(user=reader, now=NOON, hours=1)

    def use(_: int) -> bool:
        try:
            sign_in_link_use(token=token, now=NOON)
        except SignInLinkError:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(use, range(4))) == 1


@pytest.mark.django_db
def test_a_link_expires(reader: User) -> None:
    token = sign_in_link_create(user=reader, now=NOON, hours=2)
    with pytest.raises(SignInLinkError, match="expired"):
        sign_in_link_use(token=token, now=NOON + timedelta(hours=2))


@pytest.mark.django_db
def test_the_token_itself_is_not_stored(reader: User) -> None:
    token = sign_in_link_create(user=reader, now=NOON, hours=2)
    stored = SignInLink.objects.values_list("token_sha256", flat=True)
    assert token not in str(list(stored))


@pytest.mark.django_db
def test_a_new_person_has_no_password_that_works(client: Client, reader: User) -> None:
    assert not reader.has_usable_password()
    for password in ("", "password", "None"):
        assert not client.login(email=reader.email, password=password)


@pytest.mark.django_db
def test_nobody_signs_up_by_themselves(client: Client) -> None:
    client.post(reverse("account_signup"), {"email": "stranger@example.org", "password1": "a-long-password-indeed-7"})
    assert not User.objects.filter(email="stranger@example.org").exists()


@pytest.mark.django_db
def test_nobody_takes_an_address_under_which_somebody_else_could_be_invited(client: Client, reader: User) -> None:
    client.force_login(reader)
    client.get(reverse("account_email"))
    victim = "invited-later@example.org"
    client.post(reverse("account_email"), {"action_add": "", "email": victim})
    client.post(reverse("account_email"), {"action_primary": "", "email": victim})
    client.post(reverse("account_email"), {"action_remove": "", "email": reader.email})
    client.post(reverse("account_email"), {"action_add": "", "email": victim})
    client.post(reverse("account_email"), {"action_primary": "", "email": victim})
    assert user_get_or_create(email=victim)[1]


@pytest.mark.django_db
@pytest.mark.parametrize("typed", ["Anna.Meier@Example.org", "anna.meier@example.org"])
def test_capitals_in_the_address_that_a_person_was_added_by_do_not_keep_them_out(client: Client, typed: str) -> None:
    user, _ = user_get_or_create(email="Anna.Meier@Example.org")
    user.set_password("a-long-password-indeed-7")
    user.save()
    client.post(reverse("account_login"), {"login": typed, "password": "a-long-password-indeed-7"})
    assert client.session["_auth_user_id"] == str(user.pk)


@pytest.mark.django_db
def test_an_address_is_one_person_in_upper_and_lower_case(reader: User) -> None:
    again, created = user_get_or_create(email="READER@example.org")
    assert (again, created) == (reader, False)


@pytest.mark.django_db
def test_signing_out_empties_what_the_browser_kept_of_pictures_but_not_answers_that_wait(client: Client, reader: User):
    client.force_login(reader)
    assert "Clear-Site-Data" not in client.get(reverse("home")).headers
    assert client.post(reverse("account_logout")).headers["Clear-Site-Data"] == '"cache"'
    assert "Clear-Site-Data" not in client.get(reverse("account_login")).headers


@pytest.mark.django_db
def test_signing_in_as_somebody_else_does_too(client: Client, reader: User):
    client.force_login(user_get_or_create(email="other@example.org")[0])
    token = sign_in_link_create(user=reader, now=timezone.now(), hours=1)
    assert client.post(reverse("sign_in", args=[token])).headers["Clear-Site-Data"] == '"cache"'


@pytest.mark.django_db
def test_the_link_of_somebody_who_may_no_longer_sign_in_opens_nothing(reader: User) -> None:
    token = sign_in_link_create(user=reader, now=NOON, hours=1)
    reader.is_active = False
    reader.save()
    with pytest.raises(SignInLinkError, match="not known"):
        sign_in_link_open(token=token, now=NOON)
    with pytest.raises(SignInLinkError, match="not known"):
        sign_in_link_use(token=token, now=NOON)
    assert SignInLink.objects.get().used_at is None
