"""The record of who did what to a study."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from readerstudy.accounts.models import User
from readerstudy.studies.actions import Action
from readerstudy.studies.models import AuditEntry, Study


def audit(*, study: Study, actor: User | None, action: Action, detail: Mapping[str, Any], now: datetime) -> AuditEntry:
    """Write one entry; call it in the transaction of the deed. `actor` is None for the command line."""
    return AuditEntry.objects.create(study=study, actor=actor, action=action, detail=dict(detail), at=now)
