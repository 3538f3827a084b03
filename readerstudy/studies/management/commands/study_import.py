"""`manage.py study_import SLUG --images DIR --labels CSV [--boxes CSV | --masks DIR]`: brings images into a study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.lib.progress import Progress
from readerstudy.studies.commands import study_named
from readerstudy.studies.selectors import images_doubted
from readerstudy.studies.services import CorrectionOrder, ImagesImportError, images_import
from readerstudy.studies.services.corrections import Decision

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

        parser.add_argument(
            "--correct",
            action="store_true",
            help="take over what the tables say of images that the study has already",
        )
        parser.add_argument("--reason", default="", help="of the corrections, for the record")
        decision = parser.add_mutually_exclusive_group()
        decision.add_argument("--keep", action="store_true", help="cases that were begun stay as they were read")
        decision.add_argument("--exclude", action="store_true", help="cases that were begun are not analysed")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        order = _order(options)
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
                order=order,
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
            f"{f'{record.images_corrected} were corrected, ' if record.images_corrected else ''}"
            f"{record.annotations_added} annotations, {len(record.problems)} problems."
        )
        how = "stated" if record.assessed_stated else "the findings that the table names; state them with --assessed"
        self.stdout.write(f"Assessed: {', '.join(record.assessed) or 'nothing'} ({how}).")
        study.refresh_from_db()
        if study.selection_outdated:
            self.stdout.write(f"The cases must be selected again: study_select {study.slug}")
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


def _order(options: dict[str, Any]) -> CorrectionOrder | None:
    given = [f"--{name}" for name in ("reason", "keep", "exclude") if options[name]]
    if not options["correct"] and given:
        raise CommandError(f"{' and '.join(given)} only goes with --correct.")
    if options["correct"] and not options["reason"].strip():
        raise CommandError("--correct needs --reason, which is kept in the study's record.")
    decision: Decision = "keep" if options["keep"] else "exclude" if options["exclude"] else ""
    return CorrectionOrder(options["reason"], timezone.now(), decision) if options["correct"] else None
