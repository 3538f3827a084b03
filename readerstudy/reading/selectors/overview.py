"""Overviews of whole studies: a person's studies, and what the coordinator of one sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from readerstudy.accounts.models import User
from readerstudy.reading.models import Answer
from readerstudy.reading.selectors.progress import PeriodProgress, allocation_of, periods_of
from readerstudy.studies.models import Membership, Study


@dataclass(frozen=True)
class ReaderProgress:
    """A reader as the coordinator sees them."""

    membership: Membership
    periods: tuple[PeriodProgress, ...]
    last_answer_at: datetime | None


@dataclass(frozen=True)
class StudyEntry:
    """A study of a person: their roles in it, what is open to them, and how far they are as a reader."""

    study: Study
    roles: tuple[str, ...]
    periods: tuple[PeriodProgress, ...]

    @property
    def reads(self) -> bool:
        return Membership.Role.READER in self.roles

    @property
    def _unblinded(self) -> bool:
        """Whoever reads in a study sees nothing else of it until it is closed."""
        return not self.reads or self.study.status == Study.Status.CLOSED

    @property
    def coordinates(self) -> bool:
        return Membership.Role.COORDINATOR in self.roles and self._unblinded

    @property
    def analyses(self) -> bool:
        return bool({Membership.Role.COORDINATOR, Membership.Role.ANALYST}.intersection(self.roles)) and self._unblinded

    @property
    def done(self) -> int:
        return sum(period.done for period in self.periods)

    @property
    def total(self) -> int:
        return sum(period.total for period in self.periods)


def studies_of(user: User, *, now: datetime) -> list[StudyEntry]:
    """The person's studies, newest first, each once whatever their roles."""
    entries = []
    for study in Study.objects.filter(memberships__user=user).distinct().order_by("-created_at", "-pk"):
        roles = tuple(study.memberships.filter(user=user).order_by("role").values_list("role", flat=True))
        allocation = allocation_of(user, study)
        periods = tuple(periods_of(allocation, now=now)) if allocation else ()
        entries.append(StudyEntry(study=study, roles=roles, periods=periods))
    return entries


def readers_progress(study: Study, *, now: datetime) -> list[ReaderProgress]:
    """Every reader of the study with their periods and last activity, for the coordinator."""
    readers = study.memberships.filter(role=Membership.Role.READER).select_related("user", "allocation")
    last = dict(
        Answer.objects.filter(reading__allocation__membership__study=study)
        .order_by()
        .values_list("reading__allocation__membership")
        .annotate(Max("answered_at"))
    )
    found = []
    for reader in readers.order_by("created_at", "pk"):
        allocation = getattr(reader, "allocation", None)
        periods = tuple(periods_of(allocation, now=now)) if allocation else ()
        found.append(ReaderProgress(membership=reader, periods=periods, last_answer_at=last.get(reader.pk)))
    return found
