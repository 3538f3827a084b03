"""What the repository says of itself to forges, packagers and citing authors agrees with the package."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from explainer.training.cli import DRAWN

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LICENSE = "Apache-2.0"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def loaded(name: str) -> dict[str, object]:
    document = yaml.safe_load(read(name))
    assert isinstance(document, dict)
    return document


def test_the_licence_is_the_same_everywhere() -> None:
    text = read("LICENSE")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["license"] == LICENSE
    assert PROJECT["license-files"] == ["LICENSE"]
    assert loaded("CITATION.cff")["license"] == LICENSE


def test_the_image_is_built_with_the_licence() -> None:
    assert re.search(r"^COPY pyproject\.toml .*\bLICENSE\b", read("Dockerfile"), flags=re.MULTILINE)
    assert "!LICENSE" in read(".dockerignore").splitlines()


def test_the_citation_has_the_version_of_the_package_and_the_paper() -> None:
    citation = loaded("CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    assert "arXiv:2102.09475" in read("CITATION.cff")


@pytest.mark.parametrize(
    ("pair", "terms"),
    [("phantom-small", DRAWN), ("nih-small", "https://nihcc.app.box.com/v/ChestXray-NIHCC")],
)
def test_each_model_card_names_the_licence_of_the_weights_and_the_terms_of_the_data(pair: str, terms: str) -> None:
    card = read(f"explainer/models/{pair}/MODEL_CARD.md")
    assert "the weights are under the Apache License 2.0" in card
    assert terms in card


def test_public_checks_are_those_of_the_continuous_integration() -> None:
    text = read(".github/workflows/ci.yml")
    workflow = loaded(".github/workflows/ci.yml")
    assert workflow["permissions"] == {"contents": "read"}
    assert re.search(r"^ +run: \.ci/run$", text, flags=re.MULTILINE)


def test_commit_hooks_fetch_nothing_and_use_the_tools_of_make_lint() -> None:
    repositories = loaded(".pre-commit-config.yaml")["repos"]
    assert isinstance(repositories, list)
    assert [repository["repo"] for repository in repositories] == ["local"]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", read("Makefile"), flags=re.MULTILINE)
    assert recipe
    for hook in repositories[0]["hooks"]:
        assert hook["language"] == "system"
        tool = hook["entry"].split()[0]
        assert tool == "make" or tool.replace(".venv/bin", "$(BIN)") in recipe[1]
