"""`manage.py study_unlock SLUG [ID ...]`: lists what readers ask to unlock, and unlocks it."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.reading.models import Unlock
from readerstudy.reading.selectors import unlocks_waiting
from readerstudy.reading.services import unlock_grant
from readerstudy.studies.commands import study_named


class Command(BaseCommand):
    help = "Lists the cases whose readers ask to change them after submission; with their ids, unlocks them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("ids", nargs="*", type=uuid.UUID, metavar="ID", help="as this command lists them")

    def handle(self, *_args: Any, slug: str, ids: list[uuid.UUID], **_options: Any) -> None:
        study = study_named(slug)
        for unlock_id in ids:
            try:
                unlock = unlock_grant(study=study, unlock_id=unlock_id, now=timezone.now())
            except Unlock.DoesNotExist as error:
                raise CommandError(f"{slug} has no request {unlock_id}: study_unlock {slug} lists them.") from error
            self.stdout.write(f"Unlocked: {_name(unlock)}")
        waiting = [] if ids else list(unlocks_waiting(study))
        for unlock in waiting:
            self.stdout.write(f"{unlock.pk}  {_name(unlock)}: {unlock.reason}")
        if not ids and not waiting:
            self.stdout.write(f"No case of {slug} waits to be unlocked.")


def _name(unlock: Unlock) -> str:
    reading = unlock.reading
    return f"{reading.allocation.membership.code}, period {reading.period.number}, case {reading.position} in order"
