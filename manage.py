#!/usr/bin/env python
"""Command line of the Django project; starts the embedded PostgreSQL for the commands that need a database."""

import os
import sys

WITHOUT_DATABASE = {"check", "collectstatic", "diffsettings", "help", "version", "--help", "-h", "--version"}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")
    import django
    from django.core.management import execute_from_command_line, get_commands

    from readerstudy.startup import ensure_schema, ensure_services

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    if command not in WITHOUT_DATABASE and not {"--help", "-h"}.intersection(sys.argv):
        ensure_services()
        django.setup()
        if str(get_commands().get(command, "")).startswith("readerstudy."):
            ensure_schema()
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
