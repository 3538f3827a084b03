"""The rating page asks at once for every script that it needs, and for no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "static" / "js"
PRELOADS = ROOT / "templates" / "reading" / "_preloads.html"


def imported(script: Path) -> set[Path]:
    """What a script imports, and what those import in turn."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        reader = waiting.pop()
        for name in re.findall(r'(?m)^import .*from "(.+)";$', reader.read_text()):
            path = (reader.parent / name).resolve()
            assert path.is_file(), f"{reader} imports {name}"
            if path not in found:
                found.add(path)
                waiting.append(path)
    return found


def test_what_is_preloaded_is_what_the_rating_page_imports():
    preloaded = re.findall(r"modulepreload\" href=\"{% static 'js/(.+)' %}\"", PRELOADS.read_text())
    expected = [path.relative_to(SCRIPTS).as_posix() for path in imported(SCRIPTS / "rating" / "room.js")]
    assert preloaded == sorted(expected)


def test_every_script_is_loaded_by_a_page_or_by_another_script():
    templates = "\n".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    loaded = {
        SCRIPTS / name for name in re.findall(r"script type=\"module\" src=\"{% static 'js/(.+?)' %}\"", templates)
    }
    worker = SCRIPTS / "viewer" / "decoder.js"  # started by decoding.js
    needed = loaded | {worker} | {path for script in (*loaded, worker) for path in imported(script)}
    assert needed == set(SCRIPTS.rglob("*.js"))
