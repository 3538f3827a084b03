"""Runs PostgreSQL's own programs on the embedded server, as in `python -m readerstudy.lib.postgres pg_dump -Fc`."""

import argparse
import os
import subprocess
from pathlib import Path

from readerstudy.lib.postgres import EmbeddedPostgres, PostgresError, places
from readerstudy.lib.postgres.configuration import FOLDER

CHECKOUT = Path(__file__).resolve().parents[3]


def main() -> int:
    """Start or join the server, run the program with the server as its default, and return its status."""
    programs = sorted(path.name for path in (places.packaged_binaries() / "bin").glob("*"))
    parser = argparse.ArgumentParser(prog="python -m readerstudy.lib.postgres", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("READERSTUDY_DATA") or CHECKOUT / "var"))
    parser.add_argument("program", choices=programs, metavar="PROGRAM", help="psql, pg_dump, pg_restore, ...")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="handed to the program as they are")
    options = parser.parse_args()
    server = EmbeddedPostgres(options.data.resolve() / FOLDER)
    if not server.places.cluster.exists():
        message = f"There is no embedded database in {options.data}."
        raise PostgresError(message)
    server.start()
    settings = server.django_database()
    program = places.packaged_binaries() / "bin" / options.program
    defaults = {f"PG{name}": settings[name] for name in ("HOST", "PORT", "USER")} | {"PGDATABASE": settings["NAME"]}
    return subprocess.run([program, *options.arguments], env={**os.environ, **defaults}, check=False).returncode


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except PostgresError as error:
        raise SystemExit(str(error)) from error
