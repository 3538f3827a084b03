"""The tests of single scripts, which are written as the scripts are: each file by Node's own runner."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
FILES = sorted(str(path.relative_to(HERE)) for path in HERE.glob("*/*.test.js"))


@pytest.mark.parametrize("file", FILES)
def test_of_a_script_passes(node: str, file: str):
    done = subprocess.run(
        [node, "--test", "--test-reporter=tap", HERE / file],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=HERE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 0" not in done.stdout
