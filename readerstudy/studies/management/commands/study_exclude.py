"""`manage.py study_exclude SLUG IMAGE... --reason TEXT`: keeps images out of a study's selection."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.studies.commands import images_named, study_named
from readerstudy.studies.selectors import cases_left_out
from readerstudy.studies.services import DecisionError, images_exclude


class Command(BaseCommand):
    help = "Keeps images out of selection, as long as no case has been allocated to a reader."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("images", nargs="+", metavar="IMAGE", help="names of images, as in labels.csv")
        parser.add_argument("--reason", required=True, help="for the audit record")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        images = images_named(study, options["images"])
        try:
            changed = images_exclude(study=study, images=images, reason=options["reason"], now=timezone.now())
        except DecisionError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(changed)} images excluded, {len(images) - len(changed)} were excluded already.")
        if cases := cases_left_out(study):
            self.stdout.write(f"{cases} selected cases show an excluded image. Select again: study_select {study.slug}")
