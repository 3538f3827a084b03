"""`manage.py study_member_withdraw SLUG CODE --reason TEXT`: ends a reader's part in a study."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from readerstudy.studies.commands import study_named
from readerstudy.studies.services import StudyError, reader_withdraw


class Command(BaseCommand):
    help = "Withdraws a reader: nothing is open to them any more, their answers are kept and not analysed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("code", help="R1, R2, ...")
        parser.add_argument("--reason", required=True, help="for the audit record")

    def handle(self, *_: Any, **options: Any) -> None:
        study, code = study_named(options["slug"]), options["code"]
        readers = study.memberships.exclude(code="")
        membership = readers.filter(code=code).first()
        if membership is None:
            codes = ", ".join(readers.order_by("created_at", "pk").values_list("code", flat=True)) or "none yet"
            raise CommandError(f"{study.slug} has no reader {code}. Its readers are: {codes}.")
        try:
            reader_withdraw(membership=membership, reason=options["reason"], now=timezone.now())
        except StudyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{code} is withdrawn. The next reader to be allocated takes over their cases and order.")
