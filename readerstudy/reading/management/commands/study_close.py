"""`manage.py study_close SLUG`: ends the reading of a study, so that its results are final."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.reading.services import StudyCloseError, study_close
from readerstudy.studies.commands import study_named


class Command(BaseCommand):
    help = "Closes a study: no answer is taken any more, and its results are final."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--unfinished", action="store_true", help="although some readings lack answers")

    def handle(self, *_args: Any, slug: str, unfinished: bool, **_options: Any) -> None:
        try:
            count = study_close(study=study_named(slug), unfinished_too=unfinished, now=timezone.now())
        except StudyCloseError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{slug} is closed, with {count} unfinished readings. Next: study_export {slug} OUT.zip")
