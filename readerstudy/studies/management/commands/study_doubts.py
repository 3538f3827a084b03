"""`manage.py study_doubts SLUG`: lists images that may not be what they should be; `--keep` lets some of them in."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.lib.media import media_path
from readerstudy.studies.commands import images_named, study_named
from readerstudy.studies.models import Study
from readerstudy.studies.selectors import images_decided, images_doubted
from readerstudy.studies.services import DecisionError, doubts_examine, images_keep


class Command(BaseCommand):
    help = "Lists images that selection leaves out until somebody has looked at what is doubtful about them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--examine", action="store_true", help="look again at all pictures that nobody decided on")
        parser.add_argument("--keep", nargs="+", metavar="IMAGE", default=[], help="names of images to let in")
        parser.add_argument("--reason", default="", help="for the audit record; needed with --keep")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        if options["examine"]:
            self._examine(study)
        if options["keep"]:
            self._keep(study, options["keep"], options["reason"])
        elif options["reason"]:
            raise CommandError("A reason belongs to --keep IMAGE...; to exclude images use study_exclude.")
        else:
            self._list(study)

    def _keep(self, study: Study, names: list[str], reason: str) -> None:
        images = images_named(study, names)
        try:
            changed = images_keep(study=study, images=images, reason=reason, now=timezone.now())
        except DecisionError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{len(changed)} images kept, {len(images) - len(changed)} were kept already.")

    def _examine(self, study: Study) -> None:
        try:
            changed = doubts_examine(study=study, now=timezone.now())
        except DecisionError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Examined: the doubts of {len(changed)} images changed.")

    def _list(self, study: Study) -> None:
        doubted = list(images_doubted(study))
        for image in doubted:
            self.stdout.write(f"{image.name}: {', '.join(image.doubts)}")
            for sentence in image.doubt_sentences:
                self.stdout.write(f"    {sentence}")
            self.stdout.write(f"    {media_path(image.file)}")
        for image in images_decided(study):
            self.stdout.write(
                f"{image.name}: {', '.join(image.doubts) or 'no doubt'}; {image.get_decision_display()} on "
                f"{image.decided_at:%Y-%m-%d} by {image.decided_by or 'the command line'}: {image.decision_reason}"
            )
        self.stdout.write(f"{len(doubted)} images to look at.")
        if doubted:
            self.stdout.write(
                f"Then: study_doubts {study.slug} --keep IMAGE... --reason TEXT, "
                f"or study_exclude {study.slug} IMAGE... --reason TEXT"
            )
