"""Whether the answers of a case may still be changed, and the requests to unlock one that was submitted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db.models import F, QuerySet

from readerstudy.reading.models import Reading, Unlock
from readerstudy.studies.models import Study


@dataclass(frozen=True)
class Lock:
    """Whether a case was submitted, and what the study's policy then allows."""

    submitted: bool
    policy: str
    unlock_id: uuid.UUID | None = None  # the request that is granted and in force
    asked: bool = False  # a request waits for the coordinator
    declined_because: str = ""  # the coordinator's answer to the last request

    @property
    def locked(self) -> bool:
        """Whether answers cannot be changed now."""
        return self.submitted and self.policy != Study.Changes.UNTIL_PERIOD_END and self.unlock_id is None

    @property
    def needs_reason(self) -> bool:
        """Whether a change must say why. An unlocked case has said so in its request."""
        return self.submitted and self.policy == Study.Changes.UNTIL_PERIOD_END

    @property
    def can_ask(self) -> bool:
        return self.locked and self.policy == Study.Changes.BY_REQUEST


def lock_of(reading: Reading) -> Lock:
    """The state of a reading under its study's policy."""
    policy = reading.allocation.membership.study.changes
    if reading.submitted_at is None:
        return Lock(submitted=False, policy=policy)
    # The request that stands, else the one that ended last.
    unlock = Unlock.objects.filter(reading=reading).order_by(F("ended_at").desc(nulls_first=True)).first()
    if unlock is None:
        return Lock(submitted=True, policy=policy)
    if unlock.ended_at is not None:
        return Lock(submitted=True, policy=policy, declined_because=unlock.declined_because)
    granted = unlock.granted_at is not None
    return Lock(submitted=True, policy=policy, unlock_id=unlock.pk if granted else None, asked=not granted)


def unlocks_waiting(study: Study) -> QuerySet[Unlock]:
    """Requests to unlock a case that the coordinator has not answered, oldest first."""
    waiting = Unlock.objects.filter(reading__allocation__membership__study=study, granted_at=None, ended_at=None)
    return waiting.select_related("reading__allocation__membership", "reading__period").order_by("asked_at", "pk")
