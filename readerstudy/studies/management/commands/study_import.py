"""`manage.py study_import SLUG --images DIR --labels CSV [--boxes CSV | --masks DIR]`: brings images into a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.lib.progress import Progress
from readerstudy.studies.commands import study_named
from readerstudy.studies.selectors import images_doubted
from readerstudy.studies.services import ImagesImportError, images_import

PROBLEMS_SHOWN = 20


class Command(BaseCommand):
    help = "Imports X-rays (PNG, JPEG, DICOM) with labels and, where there are, experts' boxes or masks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--images", required=True, help="folder of the images")
        parser.add_argument(
            "--labels",
            required=True,
            help="CSV: image, findings (or a column for each finding: 1, 0, -1), patient_id, age, sex, view, file, ...",
        )
        parser.add_argument(
            "--assessed",
            default="",
            metavar="A|B",
            help="findings that the labels are about; without it, those that the table names anywhere",
        )
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
                assessed=options["assessed"],
                now=timezone.now(),
                progress=report,
            )
        except ImagesImportError as error:
            raise CommandError(str(error)) from error
        finally:
            for bar in bars:
                bar.close()
        self._list(record.problems, "problems")
        if record.warnings:
            self.stderr.write("Imported, but look at:")
        self._list(record.warnings, "warnings")
        self.stdout.write(
            f"{record.images_added} images imported, {record.images_known} were there already, "
            f"{record.annotations_added} annotations, {len(record.problems)} problems."
        )
        how = "stated" if record.assessed_stated else "the findings that the table names; state them with --assessed"
        self.stdout.write(f"Assessed: {', '.join(record.assessed) or 'nothing'} ({how}).")
        if doubted := images_doubted(study).count():
            self.stdout.write(
                f"{doubted} images are doubtful and are left out until somebody looks: study_doubts {study.slug}"
            )
        if record.problems and not study.images.exists():
            raise CommandError("Nothing could be imported.")

    def _list(self, lines: Sequence[Mapping[str, Any]], what: str) -> None:
        for one in lines[:PROBLEMS_SHOWN]:
            place = one["source"] if one["line"] is None else f"{one['source']}, line {one['line']}"
            self.stderr.write(f"{place}: {one['reason']}")
        if (more := len(lines) - PROBLEMS_SHOWN) > 0:
            self.stderr.write(f"... and {more} more {what}; the import's record in the database has them all.")
