"""`manage.py study_select SLUG`: draws the cases of a study."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.studies.commands import study_named
from readerstudy.studies.models import Study
from readerstudy.studies.selectors import images_left_out, selection_table, truth_table, unknown_findings
from readerstudy.studies.services import SelectionError, cases_select


class Command(BaseCommand):
    help = "Draws as many true as false positives of each target, out of the scored images."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--seed", type=int, default=None, help="instead of the study's own seed")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        self._truth(study)
        try:
            cases = cases_select(study=study, seed=options["seed"], now=timezone.now())
        except SelectionError as error:
            raise CommandError(str(error)) from error
        for cell in selection_table(study):
            self.stdout.write(f"{cell.target:<20} {cell.label}  {cell.selected} of {cell.available}")
        if training := study.cases.training().count():
            self.stdout.write(f"{'Training':<20}     {training}, of other patients")
        self.stdout.write(f"{len(cases)} cases selected. Next: study_explain {study.slug}")

    def _truth(self, study: Study) -> None:
        """What is known of the images, before any is drawn."""
        self.stdout.write(f"{'Target':<20} {'label':<12} {'images':>7} {f'above {study.threshold:g}':>11}")
        for row in truth_table(study):
            self.stdout.write(f"{row.target:<20} {row.state:<12} {row.images:>7} {row.above:>11}")
        left_out = images_left_out(study)
        if left_out.doubted:
            self.stdout.write(f"Not looked at: {left_out.doubted} images with doubts (study_doubts {study.slug})")
        if left_out.excluded:
            self.stdout.write(f"Excluded: {left_out.excluded} images")
        for one in unknown_findings(study):
            doubted = f"; {' and '.join(one.doubted)} uncertain there" if one.doubted else ""
            self.stdout.write(f"No known finding: {one.text!r} on {one.images} images{doubted}")
