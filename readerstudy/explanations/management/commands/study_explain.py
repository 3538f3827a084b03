"""`manage.py study_explain SLUG`: has every case of a study explained."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readerstudy.explanations.selectors import explanation_progress, explanations_failed
from readerstudy.explanations.services import (
    EXPLAINING,
    ExplanationError,
    explanation_retry,
    explanations_request,
    orphans_remove,
)
from readerstudy.lib.clock import shared_now
from readerstudy.lib.processes import ProcessError
from readerstudy.studies.commands import study_named
from readerstudy.work.workforce import StalledError, Workforce


class Command(BaseCommand):
    help = (
        "Explains the cases of a study; starts a worker where none is running. Run again, it goes on where it stopped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--retry-failed", action="store_true", help="try the cases that failed once more")
        parser.add_argument("--no-worker", action="store_true", help="never start a worker: wait for one")
        parser.add_argument("--no-wait", action="store_true", help="send the tasks and return")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        now = shared_now()
        try:
            explanations_request(study=study, now=now)
            if options["retry_failed"]:
                for explanation in explanations_failed(study):
                    explanation_retry(explanation=explanation, now=now)
            EXPLAINING.requeue(now=now, idle=False)
            orphans_remove(now=now)
            progress = explanation_progress(study)
            if options["no_wait"]:
                self.stdout.write(f"{progress.pending + progress.running} cases are waiting for a worker.")
                return
            if progress.finished < progress.cases:
                with Workforce(self.stdout.write, start=not options["no_worker"]) as workforce:
                    workforce.wait_for(
                        lambda: explanation_progress(study).finished,
                        total=progress.cases,
                        label="Explaining",
                        unit="cases",
                        send_again=lambda: EXPLAINING.requeue(now=shared_now(), idle=True),
                        waits=lambda: "; ".join(str(reason) for reason in explanation_progress(study).postponed),
                    )
        except (ExplanationError, StalledError, ProcessError) as error:
            raise CommandError(str(error)) from error
        for explanation in explanations_failed(study):
            self.stderr.write(f"Case {explanation.case.number}: {explanation.error.splitlines()[-1]}")
        progress = explanation_progress(study)
        if progress.failed:
            raise CommandError(
                f"{progress.failed} of {progress.cases} cases could not be explained. Try again with "
                "--retry-failed, or on the study's page."
            )
        self.stdout.write(f"All {progress.done} cases are explained. Next: study_allocate {study.slug}")
