"""Writes all data of a study into one archive."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from analysis.data.errors import AnalysisError
from readerstudy.results.blinding import coding_of
from readerstudy.results.exports import write_export
from readerstudy.results.interim import is_interim
from readerstudy.results.services import interim_exported
from readerstudy.studies.models import Study


class Command(BaseCommand):
    """manage.py study_export SLUG OUT.zip."""

    help = "Write responses, codebook, report, allocation, answers, audit, protocol and checksums into one ZIP file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug", metavar="SLUG", help="study to export")
        parser.add_argument("out", type=Path, metavar="OUT.zip", help="archive to write; replaced if it exists")
        parser.add_argument(
            "--masked", action="store_true", help="as analysts get it before the study is unblinded; else true arms"
        )

    def handle(self, *_args: Any, slug: str, out: Path, masked: bool, **_options: Any) -> None:
        study = Study.objects.filter(slug=slug).first()
        if study is None:
            known = ", ".join(Study.objects.order_by("slug").values_list("slug", flat=True)) or "none"
            raise CommandError(f"There is no study {slug!r}. Studies: {known}.")
        early = is_interim(study)
        try:
            with transaction.atomic():
                if early:
                    interim_exported(study=study, masked=masked, now=timezone.now())
                write_export(study, out, coding_of(study, "masked" if masked else "protocol"))
        except AnalysisError as error:
            raise CommandError(f"The data of {slug} cannot be analysed. {error}") from error
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}.") from error
        if early:
            self.stderr.write(f"{slug} is not closed: these results are interim, and the audit record says so.")
        self.stdout.write(f"Wrote {out} ({out.stat().st_size / 1024:.0f} KiB).")
