"""Setting up a study from its protocol, and adding people to it."""

import hashlib
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.accounts.services import sign_in_link_create, user_get_or_create
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Arm, Membership, Question, Study
from readerstudy.studies.protocol import Protocol
from readerstudy.studies.services.audit import audit

EMAIL_LENGTH = 254  # what a mail server accepts, and the column holds


class StudyError(Exception):
    """Something that cannot be done to a study; the message says why and what to do."""


@transaction.atomic
def study_create(*, protocol: Protocol, now: datetime, actor: User | None = None) -> Study:
    """A new study in preparation, with the arms and questions of its protocol; `actor` becomes its coordinator.

    Raises StudyError where the slug is taken.
    """
    if Study.objects.filter(slug=protocol.slug).exists():
        raise StudyError(f"There is a study {protocol.slug!r} already. Give this one another slug in its protocol.")
    study = Study.objects.create(
        slug=protocol.slug,
        title=protocol.title,
        instructions=protocol.instructions,
        synthetic=protocol.synthetic,
        targets=list(protocol.targets),
        cases_per_cell=protocol.cases_per_cell,
        threshold=protocol.threshold,
        prefer_annotated=protocol.prefer_annotated,
        seed=protocol.seed,
        classifier=protocol.classifier,
        autoencoder=protocol.autoencoder,
        washout_days=protocol.washout_days,
        changes=protocol.changes,
        parameters=protocol.parameters,
        synonyms=protocol.synonyms,
        reading=protocol.reading.stored(),
        protocol=protocol.text,
        created_at=now,
    )
    Arm.objects.bulk_create(
        Arm(study=study, key=arm.key, name=arm.name, methods=list(arm.methods), position=position)
        for position, arm in enumerate(protocol.arms, start=1)
    )
    Question.objects.bulk_create(
        Question(study=study, position=position, **question.columns())
        for position, question in enumerate(protocol.questions, start=1)
    )
    if actor is not None:
        Membership.objects.create(study=study, user=actor, role=Membership.Role.COORDINATOR, created_at=now)
    digest = hashlib.sha256(protocol.text.encode()).hexdigest()
    audit(study=study, actor=actor, action=Action.STUDY_CREATED, detail={"protocol_sha256": digest}, now=now)
    return study


@transaction.atomic
def member_add(
    *, study: Study, email: str, role: str, now: datetime, actor: User | None = None, name: str = ""
) -> tuple[Membership, str | None]:
    """Give a person a role in the study; returns the membership and the token of a new one-time sign-in link.

    Adding someone again changes nothing and makes another link. There is no link (None) where it would open more to
    `actor` than their own studies: for a person who has a password, or a role in a study that `actor` does not
    coordinate. Readers get the next code R1, R2, ... by which exports name them. Raises StudyError for an address or a
    role that is none.
    """
    email = email.strip()
    try:
        validate_email(email)
        MaxLengthValidator(EMAIL_LENGTH)(email)
    except ValidationError as error:
        raise StudyError(f"{email!r} is not an e-mail address.") from error
    if role not in Membership.Role.values:
        raise StudyError(f"{role!r} is no role; there are: {', '.join(Membership.Role.values)}.")
    Study.objects.select_for_update().get(pk=study.pk)  # two readers added at once must not get one code
    user, _ = user_get_or_create(email=email, name=name)
    if role == Membership.Role.READER and study.memberships.filter(user=user, withdrawn_at__isnull=False).exists():
        raise StudyError(f"{email} was withdrawn from {study.slug} and cannot read in it again.")
    code = _next_code(study) if role == Membership.Role.READER else ""
    membership, added = Membership.objects.get_or_create(
        study=study, user=user, role=role, defaults={"code": code, "created_at": now}
    )
    may_link = actor is None or _only_in_studies_of(actor, user)
    token = sign_in_link_create(user=user, now=now, hours=settings.SIGN_IN_LINK_HOURS) if may_link else None
    detail = {"user": user.pk, "role": role, "code": membership.code, "added": added, "link": may_link}
    audit(study=study, actor=actor, action=Action.MEMBER_ADDED, detail=detail, now=now)
    return membership, token


def _only_in_studies_of(coordinator: User, user: User) -> bool:
    """Whether a link that signs in as `user` opens nothing beyond the studies that `coordinator` coordinates."""
    coordinated = Study.objects.filter(
        memberships__user=coordinator, memberships__role=Membership.Role.COORDINATOR
    ).values("pk")
    elsewhere = Membership.objects.filter(user=user).exclude(study__in=coordinated)
    return not user.has_usable_password() and not elsewhere.exists()


def _next_code(study: Study) -> str:
    codes = study.memberships.exclude(code="").values_list("code", flat=True)
    numbers = [int(code[1:]) for code in codes if code[:1] == "R" and code[1:].isdecimal()]
    return f"R{max(numbers, default=0) + 1}"
