"""`manage.py study_allocation_verify SLUG|BUNDLE.zip`: draws an allocation again from its key and compares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readerstudy.reading.selectors import allocation_record
from readerstudy.reading.verification import AllocationRecord, verify
from readerstudy.results.keyfile import BundleError, bundle_record
from readerstudy.studies.commands import study_named


class Command(BaseCommand):
    """Of a study it tells only whether it agrees, so that it can be run at any time: the key is not printed."""

    help = (
        "Draws case numbers, orders, arms and codes again from the key of the allocation and compares them with those "
        "of a study on this server, or of an archive that study_export wrote after the study was unblinded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", metavar="SLUG|BUNDLE.zip")

    def handle(self, *_args: Any, what: str, **_options: Any) -> None:
        verdict = verify(_record(what))
        if verdict.seeded:
            self.stdout.write(
                f"{', '.join(verdict.seeded)}: allocated by the protocol's seed, before studies had a key. "
                "Not drawn again: whoever knows seed and code could foresee these orders."
            )
        if verdict.differences:
            raise CommandError("\n".join(["This is not the allocation that the key draws:", *verdict.differences]))
        if not verdict.agreeing:
            raise CommandError(f"No reader of {what} has an order that was drawn from the key.")
        self.stdout.write(f"{', '.join(verdict.agreeing)}: drawn again from the key, everything agrees.")


def _record(what: str) -> AllocationRecord:
    if what.lower().endswith(".zip"):
        try:
            return bundle_record(Path(what))
        except BundleError as error:
            raise CommandError(str(error)) from error
    record = allocation_record(study_named(what))
    if record is None:
        raise CommandError(
            f"{what} has no key: nothing was allocated yet, or its allocation was made before studies had one, or it "
            "was loaded as published. There is nothing to draw again."
        )
    return record
