#!/usr/bin/env python
"""Command line of the Django project; starts the embedded PostgreSQL for the commands that need a database."""

import os
import sys

WITHOUT_DATABASE = {"check", "collectstatic", "diffsettings", "help", "version", "--help", "-h", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")
    from django.core.management import execute_from_command_line

    from readerstudy.lib.startup import ensure_services

    if len(sys.argv) > 1 and sys.argv[1] not in WITHOUT_DATABASE:
        ensure_services()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
