"""`manage.py study_unblind SLUG`: tells the analysts of a closed study which arm is which."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.studies.commands import study_named
from readerstudy.studies.selectors import masked_arms
from readerstudy.studies.services import StudyError, study_unblind


class Command(BaseCommand):
    help = "Shows analysts of a closed study the names of the arms. This is recorded and cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")

    def handle(self, *_: Any, slug: str, **_options: Any) -> None:
        try:
            study = study_unblind(study=study_named(slug), now=timezone.now())
        except StudyError as error:
            raise CommandError(str(error)) from error
        for code, arm in masked_arms(study).items():
            self.stdout.write(f"{code} was arm {arm.key}: {arm.name}")
        self.stdout.write(f"{slug} is unblinded. Next: study_export {slug} OUT.zip")
