"""Settings under test: the project's own, on plain HTTP, with a data folder of the tests' own."""

import os
import tempfile
from pathlib import Path

os.environ["READERSTUDY_HTTPS"] = "0"
# Threads of torch that wait for each other leave the cores to the other processes of a test.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Processes that test side by side (pytest-xdist) share the cores.
os.environ.setdefault(
    "OMP_NUM_THREADS", str((os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) or 1)
)
os.environ.setdefault("READERSTUDY_DATA", str(Path(__file__).resolve().parent.parent / "var" / "tests"))
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "x" * 50)

from readerstudy.settings import *  # noqa: F403

MEDIA_ROOT = Path(tempfile.gettempdir()) / f"readerstudy-test-media-{os.getpid()}"  # replaced per test by a fixture
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
INSTALLED_APPS = [*INSTALLED_APPS, "tests.work.sums"]  # noqa: F405 (leased work of a kind that only tests have)
