"""Node, to run the pages' scripts without a browser; skipped with a reason where there is none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLDEST = 18


@pytest.fixture(scope="session")
def node() -> str:
    """Path of a Node that knows what the scripts use."""
    path = shutil.which("node")
    version = path and subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    if path and version and int(version.lstrip("v").split(".")[0]) >= OLDEST:
        return path
    missing = f"Node.js {OLDEST} or newer is needed, and there is {version or 'none'}: install it to test the scripts"
    if os.environ.get("READERSTUDY_REQUIRE_NODE") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture
def evaluate(node: str) -> Callable[[str, Any], Any]:
    """Runs the body of an asynchronous function of `given` in static/js; what it returns, by way of JSON."""

    def run(body: str, given: Any) -> Any:
        script = f"""
            const chunks = [];
            for await (const chunk of process.stdin) chunks.push(chunk);
            const given = JSON.parse(Buffer.concat(chunks).toString());
            const answer = await (async () => {{ {body} }})();
            process.stdout.write(JSON.stringify(answer));
        """
        done = subprocess.run(
            [node, "--input-type=module", "--eval", script],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT / "static" / "js",
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
