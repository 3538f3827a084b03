"""What commands do to the database server around them, seen from outside."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from readerstudy.lib.postgres import EmbeddedPostgres
from tests.lib.helpers import REPOSITORY, python_environment, wait_for


def run(folder: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=REPOSITORY,
        env=python_environment(READERSTUDY_DATA=str(folder), SECRET_KEY="x" * 60, **environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_command_finds_database_and_broker_ready_and_leaves_nothing_running(folder: Path) -> None:
    script = (
        "from django.db import connection as c; c.ensure_connection(); k = c.cursor();"
        "k.execute('SELECT count(*) FROM pgmq.meta'); print('queues:', k.fetchone()[0])"
    )
    done = run(folder, "manage.py", "shell", "--no-imports", "-c", script)
    assert done.returncode == 0, done.stderr
    assert "queues: 0" in done.stdout
    server = EmbeddedPostgres(folder / "postgres")
    wait_for(lambda: not server.is_running(), seconds=15, what="the end of the server")

    dumped = run(folder, "-m", "readerstudy.lib.postgres", "pg_dump", "--schema=pgmq", "--schema-only")
    assert "CREATE TABLE pgmq.meta" in dumped.stdout, dumped.stderr
    wait_for(lambda: not server.is_running(), seconds=15, what="the end of the server")


def test_the_first_command_on_a_fresh_checkout_finds_its_tables(folder: Path) -> None:
    done = run(folder, "manage.py", "study_create", "docs/protocols/paper.toml")
    assert done.returncode == 0, done.stderr
    assert "Next: study_import latent-shift" in done.stdout
    server = EmbeddedPostgres(folder / "postgres")
    wait_for(lambda: not server.is_running(), seconds=15, what="the end of the server")


def test_another_database_is_not_changed_unasked(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    try:
        place = server.django_database()
        url = f"postgresql://{place['USER']}@/readerstudy?host={quote(place['HOST'])}&port={place['PORT']}"
        done = run(folder, "manage.py", "study_create", "docs/protocols/paper.toml", DATABASE_URL=url)
        assert done.returncode == 1
        assert "python manage.py migrate" in done.stderr
    finally:
        server.stop()


def test_a_program_is_not_run_where_there_is_no_database(folder: Path) -> None:
    done = run(folder, "-m", "readerstudy.lib.postgres", "psql")
    assert done.returncode == 1
    assert "no embedded database" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_process_that_sends_tasks_loads_no_torch(folder: Path) -> None:
    script = (
        "import sys, django, os; os.environ['DJANGO_SETTINGS_MODULE'] = 'readerstudy.settings'; django.setup();"
        "import readerstudy.work.queues; print(sorted({'torch', 'torchvision', 'captum'} & set(sys.modules)))"
    )
    done = run(folder, "-c", script)
    assert done.stdout.strip() == "[]", done.stderr
