"""`manage.py study_score SLUG`: has the study's classifier score every image that has no score."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readerstudy.lib.clock import shared_now
from readerstudy.lib.processes import ProcessError
from readerstudy.studies.commands import study_named
from readerstudy.studies.selectors import score_progress, scorings_failed
from readerstudy.studies.services import SCORING, StudyError, scores_request
from readerstudy.work.workforce import StalledError, Workforce


class Command(BaseCommand):
    # In this app rather than in studies: only here is it known which workers are alive.
    help = (
        "Scores the images of a study; starts a worker where none is running. Run again, it goes on where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--no-worker", action="store_true", help="never start a worker: wait for one")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        try:
            wanted = scores_request(study=study, now=shared_now())
            SCORING.requeue(now=shared_now(), idle=False)
            if wanted:
                before = score_progress(study).images - wanted

                def finished() -> int:
                    progress = score_progress(study)
                    return progress.scored + progress.failed - before

                def waits() -> str:
                    return "; ".join(str(reason) for reason in score_progress(study).postponed)

                with Workforce(self.stdout.write, start=not options["no_worker"]) as workforce:
                    workforce.wait_for(
                        finished,
                        total=wanted,
                        label="Scoring",
                        unit="images",
                        send_again=lambda: SCORING.requeue(now=shared_now(), idle=True),
                        waits=waits,
                    )
        except (StudyError, StalledError, ProcessError) as error:
            raise CommandError(str(error)) from error
        progress = score_progress(study)
        if progress.failed:
            for scoring in scorings_failed(study)[:5]:
                self.stderr.write(f"{scoring.image.name}: {scoring.error}")
        if progress.images and progress.failed == progress.images:
            raise CommandError("No image could be scored.")
        self.stdout.write(
            f"{progress.scored} of {progress.images} images have scores of {study.classifier}, "
            f"{progress.failed} failed. Next: study_select {study.slug}"
        )
