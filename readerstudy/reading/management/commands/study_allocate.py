"""`manage.py study_allocate SLUG`: gives every reader without one a frozen crossover sequence and opens the study."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.reading.crossover import AllocationError
from readerstudy.reading.services import readers_allocate
from readerstudy.studies.commands import study_named


class Command(BaseCommand):
    help = "Allocates readers who have no sequence yet and opens the study; earlier allocations stay as they are."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument(
            "--unexplained",
            action="store_true",
            help="although some cases are not explained: readers are led past those that failed",
        )

    def handle(self, *_args: Any, slug: str, unexplained: bool, **_options: Any) -> None:
        try:
            allocations = readers_allocate(study=study_named(slug), now=timezone.now(), all_explained=not unexplained)
        except AllocationError as error:
            raise CommandError(str(error)) from error
        for allocation in allocations:
            count = allocation.readings.count()
            left = f", taking over from {allocation.takes_over.membership.code}" if allocation.takes_over else ""
            self.stdout.write(f"{allocation.membership.code}: {count} readings{left}")
        if not allocations:
            self.stdout.write("Every reader has a sequence already; nothing was changed.")
