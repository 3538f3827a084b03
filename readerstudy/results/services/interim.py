"""The record of looks at results before a study is closed: who knew what, and when."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.results.models import ReportRun
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Study
from readerstudy.studies.services import audit

PAGE = "results page"


@transaction.atomic
def interim_seen(*, run: ReportRun, what: str, actor: User, now: datetime, part_of_page: bool = False) -> None:
    """Notes that `actor` looked at this part of a report of an unclosed study.

    What is `part_of_page`, as its figures are, is noted where the page of that version was not, so that one look at
    the page is one entry.
    """
    version = run.short_version
    seen = run.study.audit.filter(action=Action.INTERIM_RESULTS_SEEN, actor=actor)
    if part_of_page and seen.filter(detail__seen=PAGE, detail__version=version).exists():
        return
    detail = {"seen": what, "version": version}
    audit(study=run.study, actor=actor, action=Action.INTERIM_RESULTS_SEEN, detail=detail, now=now)


@transaction.atomic
def interim_exported(*, study: Study, masked: bool, now: datetime, actor: User | None = None) -> None:
    """Notes that the data of an unclosed study were exported."""
    audit(study=study, actor=actor, action=Action.INTERIM_RESULTS_EXPORTED, detail={"masked": masked}, now=now)
