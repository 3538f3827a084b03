"""`manage.py study_create PROTOCOL.toml`: sets up a study from its protocol."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.studies.protocol import ProtocolError, load_protocol
from readerstudy.studies.services import StudyError, study_create


class Command(BaseCommand):
    help = "Sets up a study from a protocol file; docs/protocols/paper.toml is an example with every key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("protocol", type=Path, metavar="PROTOCOL.toml")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            study = study_create(protocol=load_protocol(Path(options["protocol"])), now=timezone.now())
        except (ProtocolError, StudyError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Created {study.slug}: {study.title}. Next: study_import {study.slug} --images DIR --labels CSV"
        )
