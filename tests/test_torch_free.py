"""The web process loads no torch, directly or indirectly, and so does whoever only wants pictures."""

from __future__ import annotations

import subprocess
import sys

import pytest

WEB = """
import pkgutil, importlib, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import readerstudy.wsgi
from django.urls import get_resolver
get_resolver().url_patterns  # loads every views module that has an address
import readerstudy
for found in pkgutil.walk_packages(readerstudy.__path__, "readerstudy."):
    if not found.name.endswith(".__main__"):  # a program: importing it runs it
        importlib.import_module(found.name)
"""
PICTURES = """
import sys
from pathlib import Path
import explainer, explainer.radiographs
from explainer.__main__ import main
main(["picture", "absent.png", "--out", sys.argv[1]])
"""
NONE_OF = """
import sys
sys.exit(", ".join({"torch", "torchvision", "torchxrayvision", "captum"} & set(sys.modules)) or None)
"""


@pytest.mark.parametrize("code", [WEB, PICTURES], ids=["web", "pictures"])
def test_no_torch_is_loaded(code: str, tmp_path: object) -> None:
    done = subprocess.run([sys.executable, "-c", code + NONE_OF, str(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
