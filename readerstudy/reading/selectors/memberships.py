"""A person's studies, with their roles there and what each role lets them do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from readerstudy.accounts.models import User
from readerstudy.reading.selectors.standing import Standing, standing_of
from readerstudy.studies.models import Membership, Study


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
