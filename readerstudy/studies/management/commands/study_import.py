"""`manage.py study_import SLUG --images DIR --labels CSV [--boxes CSV | --masks DIR]`: brings images into a study."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.lib.progress import Progress
from readerstudy.studies.commands import study_named
from readerstudy.studies.services import ImagesImportError, images_import

PROBLEMS_SHOWN = 20


class Command(BaseCommand):
    help = "Imports X-rays (PNG, JPEG, DICOM) with labels and, where there are, experts' boxes or masks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--images", required=True, help="folder of the images")
        parser.add_argument("--labels", required=True, help="CSV: image, findings, patient_id, age, sex, view, file")
        drawn = parser.add_mutually_exclusive_group()
        drawn.add_argument("--boxes", help="CSV: image, finding, x, y, width, height in pixels of the original")
        drawn.add_argument("--masks", help="folder of IMAGE__FINDING.png, or with or beside a masks.csv")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        bars: list[Progress] = []

        def report(done: int, total: int) -> None:
            if not bars:
                bars.append(Progress("Importing", total, unit="images"))
            bars[0].move_to(done)

        try:
            record = images_import(
                study=study,
                images_dir=Path(options["images"]),
                labels_csv=Path(options["labels"]),
                boxes_csv=Path(options["boxes"]) if options["boxes"] else None,
                masks_dir=Path(options["masks"]) if options["masks"] else None,
                now=timezone.now(),
                progress=report,
            )
        except ImagesImportError as error:
            raise CommandError(str(error)) from error
        finally:
            for bar in bars:
                bar.close()
        for problem in record.problems[:PROBLEMS_SHOWN]:
            place = problem["source"] if problem["line"] is None else f"{problem['source']}, line {problem['line']}"
            self.stderr.write(f"{place}: {problem['reason']}")
        if (more := len(record.problems) - PROBLEMS_SHOWN) > 0:
            self.stderr.write(f"... and {more} more problems; the import's record in the database has them all.")
        self.stdout.write(
            f"{record.images_added} images imported, {record.images_known} were there already, "
            f"{record.annotations_added} annotations, {len(record.problems)} problems."
        )
        if record.problems and not study.images.exists():
            raise CommandError("Nothing could be imported.")
