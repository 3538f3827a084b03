"""`manage.py demo`: builds a demonstration study, serves it on this computer, and stops everything on Ctrl-C."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Min, Q
from django.urls import reverse
from django.utils import timezone

from readerstudy.accounts.services import sign_in_link_create, user_get_or_create
from readerstudy.explanations import services as explanations
from readerstudy.explanations.selectors import explanation_progress
from readerstudy.lib.postgres import ensure_running
from readerstudy.lib.processes import Command as Process
from readerstudy.lib.processes import ProcessError, Supervisor, answers, free_port, serves
from readerstudy.lib.progress import Progress
from readerstudy.reading import services as reading
from readerstudy.studies import services as studies
from readerstudy.studies.models import Membership, Study
from readerstudy.studies.protocol import PROTOCOLS_DIR, ProtocolError, load_protocol
from readerstudy.work.queues import REPORTS
from readerstudy.work.workforce import worker_arguments, worker_works

HOST = "127.0.0.1"
LOCAL = {"READERSTUDY_HTTPS": "0"}  # what the processes of a demonstration are told: plain HTTP on this computer
RESTARTS = 20
PHANTOMS = 300
PHANTOM_SEED = 7001  # not a seed of the shipped models' training images
Role = Membership.Role


@dataclass(frozen=True)
class Person:
    """Someone who can look around in the demonstration."""

    role: str
    email: str
    name: str


PEOPLE = (
    Person(Role.COORDINATOR, "coordinator@demo.invalid", "Demo Coordinator"),
    Person(Role.READER, "reader1@demo.invalid", "Demo Reader One"),
    Person(Role.READER, "reader2@demo.invalid", "Demo Reader Two"),
    Person(Role.ANALYST, "analyst@demo.invalid", "Demo Analyst"),
)


@dataclass(frozen=True)
class Source:
    """Where the demonstration's images come from; no folder means synthetic X-rays made on the spot."""

    protocol: Path
    images: Path | None
    labels: Path | None
    boxes: Path | None


class Command(BaseCommand):
    """Each step sees what is there already, so an interrupted build goes on where it stopped."""

    help = "Builds a demonstration study (synthetic X-rays, or your own with --images) and serves it on 127.0.0.1."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--images", type=Path, help="Folder of X-rays (PNG, JPEG or DICOM).")
        parser.add_argument("--labels", type=Path, help="CSV of labels; IMAGES/labels.csv unless given.")
        parser.add_argument("--boxes", type=Path, help="CSV of expert boxes; IMAGES/boxes.csv where it exists.")
        parser.add_argument(
            "--protocol", type=Path, help="Protocol of the study; one for the kind of images if absent."
        )
        parser.add_argument("--port", type=int, default=8000, help="First port to try (default 8000).")

    def handle(self, **options: Any) -> None:
        source = _source(options["images"], options["labels"], options["boxes"], options["protocol"])
        try:
            with Supervisor(settings.DATA_DIR / "log") as supervisor:
                self._serve(supervisor, source, options["port"])
        except KeyboardInterrupt:
            pass
        except (ProcessError, ProtocolError) as error:
            raise CommandError(str(error)) from error
        finally:
            if server := ensure_running(settings.DATA_DIR):
                server.stop()
        self.stdout.write("Stopped. Everything is kept; the next start takes seconds.")

    def _serve(self, supervisor: Supervisor, source: Source, first_port: int) -> None:
        supervisor.start(Process("worker", worker_arguments("demo"), LOCAL, RESTARTS, worker_works("demo")))
        study = self._build(source)
        port = free_port(first_port, host=HOST)
        supervisor.start(web_process(port))
        # Of its own: a report must not wait behind an hour of explanations.
        reports = worker_arguments("reports", queue=REPORTS)
        supervisor.start(Process("reports", reports, LOCAL, RESTARTS, worker_works("reports", queue=REPORTS)))
        supervisor.wait_until(lambda: answers(port, host=HOST), seconds=60, what="The web server")
        supervisor.handle_signals()
        if supervisor.wait_until(
            lambda: explanation_progress(study).finished > 0, seconds=300, what="The first explained case"
        ):
            self._welcome(study, port)
            self._watch(supervisor, study)
            supervisor.run()

    def _build(self, source: Source) -> Study:
        protocol = load_protocol(source.protocol)
        study = Study.objects.filter(slug=protocol.slug).first()
        if study is None:
            study = studies.study_create(protocol=protocol, now=timezone.now())
        self._say(f"Study: {study.title}")
        if not study.cases.exists():
            images, labels, boxes = (source.images, source.labels, source.boxes) if source.images else self._phantoms()
            more = {"boxes": str(boxes)} if boxes else {"masks": str(images / "masks")} if study.synthetic else {}
            call_command("study_import", study.slug, images=str(images), labels=str(labels), **more)
            call_command("study_score", study.slug)
            call_command("study_select", study.slug)
        for person in PEOPLE:
            if not study.memberships.filter(user__email=person.email, role=person.role).exists():
                studies.member_add(
                    study=study, email=person.email, role=person.role, name=person.name, now=timezone.now()
                )
        if not study.cases.filter(readings__isnull=False).exists():
            reading.readers_allocate(study=study, now=timezone.now(), all_explained=False)
        explanations.explanations_request(study=study, now=timezone.now(), first=_reading_order(study))
        return study

    def _phantoms(self) -> tuple[Path, Path, None]:
        folder = settings.DATA_DIR / "demo" / f"phantoms-{PHANTOM_SEED}"
        if not (folder / "labels.csv").exists():
            self._say(f"Making {PHANTOMS} synthetic X-rays ...")
            command = [
                "phantoms",
                "--count",
                str(PHANTOMS),
                "--seed",
                str(PHANTOM_SEED),
                "--out",
                str(folder),
                "--workers",
                "2",
            ]
            subprocess.run([sys.executable, "-m", "explainer", *command], cwd=settings.BASE_DIR, check=True)
        return folder, folder / "labels.csv", None

    def _welcome(self, study: Study, port: int) -> None:
        address = f"http://{HOST}:{port}"
        self._say(f"\n{study.title} is ready: {address}\n\nOne-time sign-in links (each works once):")
        for person in PEOPLE:
            user, _ = user_get_or_create(email=person.email)
            token = sign_in_link_create(user=user, now=timezone.now(), hours=settings.SIGN_IN_LINK_HOURS)
            self._say(f"  {person.name:<17} {address}{reverse('sign_in', args=[token])}")
        self._say("\nPress Ctrl-C to stop.\n")

    def _watch(self, supervisor: Supervisor, study: Study) -> None:
        """Shows explanation progress until all cases are settled."""
        progress = explanation_progress(study)
        if not progress.unfinished:
            return
        with Progress("Explaining", progress.asked, unit="cases") as bar:

            def settled() -> bool:
                now = explanation_progress(study)
                bar.move_to(now.finished)
                return not now.unfinished

            supervisor.wait_until(settled, seconds=math.inf, what="The explanation of all cases")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _source(images: Path | None, labels: Path | None, boxes: Path | None, protocol: Path | None) -> Source:
    if images is None:
        if labels or boxes:
            raise CommandError("--labels and --boxes need --images, the folder of the X-rays they speak of.")
        return Source(protocol or PROTOCOLS_DIR / "demo-phantoms.toml", None, None, None)
    labels = labels or images / "labels.csv"
    if boxes is None and (images / "boxes.csv").exists():
        boxes = images / "boxes.csv"
    for path in (images, labels, *([boxes] if boxes else [])):
        if not path.exists():
            raise CommandError(f"{path} does not exist. Give the folder of X-rays and its CSV of labels.")
    return Source(protocol or PROTOCOLS_DIR / "demo-nih.toml", images, labels, boxes)


def web_process(port: int) -> Process:
    """Without an access log, which would hold sign-in links."""
    arguments = ["gunicorn", "readerstudy.wsgi", "--chdir", str(settings.BASE_DIR)]
    arguments += ["--bind", f"{HOST}:{port}", "--threads", "8"]
    return Process("web", [sys.executable, "-m", *arguments], LOCAL, RESTARTS, lambda: serves(port, host=HOST))


def _reading_order(study: Study) -> list[int]:
    """Case numbers in the order in which some reader comes to them first; training comes before all others."""
    early = Q(readings__period__number__lte=1)
    cases = study.cases.annotate(
        period=Min("readings__period__number"), first_seen=Min("readings__position", filter=early)
    )
    return list(cases.order_by("period", "first_seen", "number").values_list("number", flat=True))
