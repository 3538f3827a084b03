"""What the contracts about the engine say holds for all of it: a package that one does not name would escape it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from grimp import build_graph

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_every_module_of_the_engine_but_the_worker_is_held_free_of_data_frames() -> None:
    graph = build_graph("explainer")
    contracts = tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    (held,) = (one["source_modules"] for one in contracts if "engine needs no data frames" in one["name"])
    named = set().union(*(graph.find_matching_modules(one) if "*" in one else {one} for one in held))
    worker = {"explainer.worker"} | graph.find_descendants("explainer.worker")
    assert graph.modules - named - worker == set()
    assert named & worker == {"explainer.worker"}, "its modules know the application, which knows data frames"
