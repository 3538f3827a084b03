"""Readers come and go: consent to a study's text, and withdrawal from the study."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Membership
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.study import StudyError

REASON_LENGTH = 500


@transaction.atomic
def consent_accept(*, membership: Membership, sha256: str, now: datetime) -> Membership:
    """Records that a reader accepted the text with this SHA-256, which is the one that they were shown.

    Accepting the same text again changes nothing. Raises StudyError where the study's text is another by now.
    """
    member = _locked(membership)
    wanted = member.study.reading_plan.consent_sha256
    if not wanted or sha256 != wanted:
        raise StudyError("The text has changed since this page was opened. Please read it again.")
    if member.consent_sha256 != sha256:
        member.consent_sha256, member.consent_accepted_at = sha256, now
        member.save(update_fields=["consent_sha256", "consent_accepted_at"])
        detail = {"reader": member.code, "consent_sha256": sha256}
        # Without the actor's address: the audit record is exported, and there a reader is a code.
        audit(study=member.study, actor=None, action=Action.CONSENT_ACCEPTED, detail=detail, now=now)
    return member


@transaction.atomic
def reader_withdraw(*, membership: Membership, reason: str, now: datetime, actor: User | None = None) -> Membership:
    """Ends a reader's part in the study: nothing is open to them, what they answered is kept and not analysed.

    The next reader to be allocated takes over their sequence. Raises StudyError without a reason, for a member who does
    not read, and for one who has been withdrawn before.
    """
    member = _locked(membership)
    reason = " ".join(reason.split())[:REASON_LENGTH]
    if member.role != Membership.Role.READER:
        raise StudyError("Only readers can be withdrawn.")
    if member.withdrawn_at is not None:
        raise StudyError(f"{member.code} has been withdrawn already.")
    if not reason:
        raise StudyError(f"Say why {member.code} is withdrawn: the reason goes into the audit record.")
    member.withdrawn_at = now
    member.save(update_fields=["withdrawn_at"])
    detail = {"reader": member.code, "reason": reason}
    audit(study=member.study, actor=actor, action=Action.READER_WITHDRAWN, detail=detail, now=now)
    return member


def _locked(membership: Membership) -> Membership:
    members = Membership.objects.select_for_update(of=("self",)).select_related("study")
    return members.get(pk=membership.pk)
