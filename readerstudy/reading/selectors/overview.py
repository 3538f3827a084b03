"""Overviews of whole studies: a person's studies, and what the coordinator of one sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from readerstudy.accounts.models import User
from readerstudy.reading.models import Allocation, Answer
from readerstudy.reading.selectors.progress import PeriodProgress, periods_of
from readerstudy.reading.selectors.standing import Standing, standing_of
from readerstudy.studies.models import Membership, Study


@dataclass(frozen=True)
class ReaderProgress:
    """A reader as the coordinator sees them."""

    membership: Membership
    periods: tuple[PeriodProgress, ...]
    last_answer_at: datetime | None
    taken_over_by: str = ""  # the code of the reader who has a withdrawn one's sequence

    @property
    def withdrawn(self) -> bool:
        return self.membership.withdrawn_at is not None

    @property
    def consented(self) -> bool:
        return self.membership.has_consented


@dataclass(frozen=True)
class StudyEntry:
    """A study of a person: their roles in it, what is open to them, and where they stand as a reader."""

    study: Study
    roles: tuple[str, ...]
    standing: Standing | None

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


def studies_of(user: User, *, now: datetime) -> list[StudyEntry]:
    """The person's studies, newest first, each once whatever their roles."""
    entries = []
    for study in Study.objects.filter(memberships__user=user).distinct().order_by("-created_at", "-pk"):
        roles = tuple(study.memberships.filter(user=user).order_by("role").values_list("role", flat=True))
        entries.append(StudyEntry(study=study, roles=roles, standing=standing_of(user, study, now=now)))
    return entries


def readers_progress(study: Study, *, now: datetime) -> list[ReaderProgress]:
    """Every reader of the study with their periods and last activity, for the coordinator."""
    readers = study.memberships.filter(role=Membership.Role.READER).select_related("study", "user", "allocation")
    last = dict(
        Answer.objects.filter(reading__allocation__membership__study=study)
        .order_by()
        .values_list("reading__allocation__membership")
        .annotate(Max("answered_at"))
    )
    successors = dict(
        Allocation.objects.filter(membership__study=study, takes_over__isnull=False).values_list(
            "takes_over__membership", "membership__code"
        )
    )
    found = []
    for reader in readers.order_by("created_at", "pk"):
        allocation = getattr(reader, "allocation", None)
        periods = tuple(periods_of(allocation, now=now)) if allocation else ()
        found.append(
            ReaderProgress(
                membership=reader,
                periods=periods,
                last_answer_at=last.get(reader.pk),
                taken_over_by=successors.get(reader.pk, ""),
            )
        )
    return found
