"""Setting up a study, its members and its audit record."""

import pytest
from django.db import IntegrityError, connection, transaction

from readerstudy.accounts.models import User
from readerstudy.accounts.services import sign_in_link_use
from readerstudy.studies.models import AuditEntry, Membership, Study
from readerstudy.studies.services import StudyError, member_add, study_create
from tests.factories.people import make_user
from tests.factories.studies import NOW, make_protocol, make_study

Role = Membership.Role
pytestmark = pytest.mark.django_db


def test_a_study_has_everything_its_protocol_says():
    protocol = make_protocol(washout_days=14, prefer_annotated=False, parameters={"latent_shift": {"drop": 0.2}})
    owner = make_user()

    study = study_create(protocol=protocol, now=NOW, actor=owner)
    study.refresh_from_db()

    assert study.status == Study.Status.DRAFT
    assert study.targets == list(protocol.targets)
    assert (study.washout_days, study.prefer_annotated, study.seed) == (14, False, 7)
    assert study.parameters == {"latent_shift": {"drop": 0.2}}
    assert study.protocol == protocol.text
    assert [(arm.key, tuple(arm.methods)) for arm in study.arms.all()] == [(a.key, a.methods) for a in protocol.arms]
    assert [(q.key, list(q.scale)) for q in study.questions.all()] == [
        ("confidence", [1, 2, 3, 4, 5]),
        ("correct_feature", [1, 2, 3, 4, 5]),
    ]
    assert study.memberships.get().user == owner
    assert study.audit.get().action == "study_create"


def test_a_slug_that_is_taken_is_refused():
    study = make_study()

    with pytest.raises(StudyError, match="another slug"):
        study_create(protocol=make_protocol(slug=study.slug), now=NOW)


def test_readers_get_codes_in_order_and_others_none():
    study = make_study()

    codes = [
        member_add(study=study, email=f"{name}@example.org", role=role, now=NOW)[0].code
        for name, role in [("ann", Role.READER), ("bob", Role.ANALYST), ("cem", Role.READER)]
    ]

    assert codes == ["R1", "", "R2"]


def test_adding_someone_again_makes_a_new_link_and_no_second_membership():
    study = make_study()
    first, first_token = member_add(study=study, email="ann@example.org", role=Role.READER, now=NOW)
    again, second_token = member_add(study=study, email="Ann@Example.org", role=Role.READER, now=NOW)

    assert first == again
    assert second_token
    assert first_token != second_token
    assert User.objects.filter(email__iexact="ann@example.org").count() == 1
    assert sign_in_link_use(token=second_token, now=NOW) == first.user


def test_a_coordinator_gets_no_link_into_an_account_that_opens_more_than_their_studies():
    owner = make_user("owner@example.org")
    study = study_create(protocol=make_protocol(slug="mine"), now=NOW, actor=owner)
    elsewhere = study_create(protocol=make_protocol(slug="theirs"), now=NOW, actor=make_user("other@example.org"))
    member_add(study=elsewhere, email="ann@example.org", role=Role.READER, now=NOW)
    User.objects.create_user("bob@example.org", "a-long-password-7")

    for email in ("ann@example.org", "bob@example.org"):
        membership, token = member_add(study=study, email=email, role=Role.READER, now=NOW, actor=owner)
        assert membership.study == study
        assert token is None
    assert member_add(study=study, email="cem@example.org", role=Role.READER, now=NOW, actor=owner)[1]
    assert member_add(study=study, email="cem@example.org", role=Role.READER, now=NOW, actor=owner)[1]


@pytest.mark.parametrize(
    ("email", "role"),
    [
        ("not an address", Role.READER),
        ("", Role.READER),
        (f"{'a' * 250}@example.org", Role.READER),
        ("ann@example.org", "owner"),
    ],
)
def test_an_address_or_role_that_is_none_changes_nothing(email: str, role: str):
    study = make_study()

    with pytest.raises(StudyError):
        member_add(study=study, email=email, role=role, now=NOW)

    assert not study.memberships.exists()


@pytest.mark.parametrize("statement", ["UPDATE studies_auditentry SET action = 'x'", "DELETE FROM studies_auditentry"])
def test_the_database_refuses_to_change_the_audit_record(statement: str):
    make_study()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditEntry.objects.count() == 1


def test_the_database_refuses_to_truncate_the_audit_record_outside_tests():
    make_study()

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL readerstudy.allow_truncate = 'off'")
        with pytest.raises(IntegrityError, match="append-only: TRUNCATE"), transaction.atomic():
            cursor.execute("TRUNCATE studies_auditentry")

    assert AuditEntry.objects.count() == 1
