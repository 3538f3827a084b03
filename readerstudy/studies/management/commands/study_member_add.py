"""`manage.py study_member_add SLUG EMAIL --role ROLE`: adds a person and prints a one-time sign-in link."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from django.utils import timezone

from readerstudy.studies.commands import study_named
from readerstudy.studies.models import Membership
from readerstudy.studies.services import StudyError, member_add


class Command(BaseCommand):
    help = "Gives a person a role in a study and prints a one-time sign-in link for them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("email")
        parser.add_argument("--role", required=True, choices=Membership.Role.values)
        parser.add_argument("--name", default="")
        parser.add_argument("--address", default="", help="of the web server, as in https://study.example.org")

    def handle(self, *_: Any, **options: Any) -> None:
        study = study_named(options["slug"])
        try:
            membership, token = member_add(
                study=study, email=options["email"], role=options["role"], name=options["name"], now=timezone.now()
            )
        except StudyError as error:
            raise CommandError(str(error)) from error
        known_as = f", known in exports as {membership.code}" if membership.code else ""
        self.stdout.write(f"{membership.user.email} is {membership.get_role_display()} of {study.slug}{known_as}.")
        self.stdout.write(f"One-time sign-in link, valid for {settings.SIGN_IN_LINK_HOURS} hours:")
        self.stdout.write(f"{options['address'].rstrip('/')}{reverse('sign_in', args=[token])}")
