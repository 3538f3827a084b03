"""`manage.py schemas DIR`: JSON Schemas of the files that people write, for editors that complete and check them."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from pydantic import TypeAdapter

from explainer.catalogue.models.descriptions import AutoencoderDescription, ClassifierDescription
from readerstudy.studies.protocol import ProtocolFile

#: File name -> what it is the schema of.
SCHEMAS: dict[str, TypeAdapter[Any]] = {
    "protocol.json": TypeAdapter(ProtocolFile),
    "model.json": TypeAdapter(ClassifierDescription | AutoencoderDescription),
}


def schema_text(name: str) -> str:
    """The content of one of the `SCHEMAS`' files."""
    return json.dumps(SCHEMAS[name].json_schema(), indent=1, ensure_ascii=False) + "\n"


class Command(BaseCommand):
    help = "Writes the JSON Schemas of protocols and of descriptions of models; docs/schemas holds them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")

    def handle(self, *_: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        folder.mkdir(parents=True, exist_ok=True)
        for name in SCHEMAS:
            (folder / name).write_text(schema_text(name), encoding="utf-8")
            self.stdout.write(str(folder / name))
