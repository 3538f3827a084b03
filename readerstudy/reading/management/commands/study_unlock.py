"""`manage.py study_unlock SLUG [ID ...]`: lists what readers ask to unlock, and unlocks it or leaves it locked."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.reading.errors import UnlockAnswerError
from readerstudy.reading.models import Unlock
from readerstudy.reading.selectors import unlocks_waiting
from readerstudy.reading.services import unlock_decline, unlock_grant
from readerstudy.studies.commands import study_named


class Command(BaseCommand):
    help = "Lists the cases whose readers ask to change them after submission; with ids, unlocks or declines."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("ids", nargs="*", type=uuid.UUID, metavar="ID", help="as this command lists them")
        parser.add_argument("--decline", metavar="REASON", help="leave these locked; their readers are told why")

    def handle(self, *_args: Any, slug: str, ids: list[uuid.UUID], decline: str | None, **_options: Any) -> None:
        study = study_named(slug)
        for unlock_id in ids:
            try:
                if decline is None:
                    unlock = unlock_grant(study=study, unlock_id=unlock_id, now=timezone.now())
                else:
                    unlock = unlock_decline(study=study, unlock_id=unlock_id, reason=decline, now=timezone.now())
            except UnlockAnswerError as error:
                raise CommandError(str(error)) from error
            except Unlock.DoesNotExist as error:
                raise CommandError(f"{slug} has no request {unlock_id}: study_unlock {slug} lists them.") from error
            self.stdout.write(f"{'Unlocked' if decline is None else 'Left locked'}: {_name(unlock)}")
        waiting = [] if ids else list(unlocks_waiting(study))
        for unlock in waiting:
            self.stdout.write(f"{unlock.pk}  {_name(unlock)}: {unlock.reason}")
        if not ids and not waiting:
            self.stdout.write(f"No case of {slug} waits to be unlocked.")


def _name(unlock: Unlock) -> str:
    reading = unlock.reading
    return f"{reading.allocation.membership.code}, period {reading.period.number}, case {reading.position} in order"
