"""Loads the published reader study and its responses as a closed study."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_slug
from django.urls import reverse
from django.utils import timezone

from readerstudy.results.gifsplanation import GifsplanationError, load
from readerstudy.results.services import StudyExistsError, gifsplanation_import
from readerstudy.studies.models import Membership, Study
from readerstudy.studies.services import StudyError, member_add


class Command(BaseCommand):
    """manage.py import_gifsplanation DIR."""

    help = "Load the published reader study (240 cases, 2 readers, 2 arms, 960 readings) as a closed study."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="folder with trial_record.json.gz and the reads")
        parser.add_argument("--slug", default="gifsplanation", help="name of the study in addresses (%(default)s)")
        parser.add_argument("--analyst", metavar="EMAIL", help="let this person see the results; prints a sign-in link")

    def handle(self, *_args: Any, folder: Path, slug: str, analyst: str | None, **_options: Any) -> None:
        try:
            validate_slug(slug)
            loaded = gifsplanation_import(published=load(folder), slug=slug, now=timezone.now())
        except ValidationError as error:
            raise CommandError(f"--slug {slug!r}: {' '.join(error.messages)}") from error
        except (GifsplanationError, StudyExistsError) as error:
            raise CommandError(str(error)) from error
        study = loaded.study
        if loaded.created:
            self.stdout.write(f"Loaded {study.slug}: {study.cases.count()} cases, closed for reading.")
            self.stdout.write("Times were not published: answers carry the time of this import.")
        else:
            self.stdout.write(f"{study.slug} is there already; its data were left as they are.")
        self.stdout.write(f"Results: {reverse('results_detail', args=[study.slug])}")
        if analyst:
            self._invite(study, analyst)

    def _invite(self, study: Study, email: str) -> None:
        try:
            _, token = member_add(study=study, email=email, role=Membership.Role.ANALYST, now=timezone.now())
        except StudyError as error:
            raise CommandError(str(error)) from error
        hours = settings.SIGN_IN_LINK_HOURS
        self.stdout.write(f"Sign-in link for {email}, good once within {hours} h: {reverse('sign_in', args=[token])}")
