"""One object says what a method is: engine, protocol, pages and files know the same ones."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from explainer.__main__ import main
from explainer.catalogue.artefacts import STORED, Kind
from explainer.catalogue.methods import METHODS
from explainer.catalogue.settings import settings_table
from explainer.methods.registry import chosen_method
from explainer.rendering.files import known_files
from readerstudy.reading.panels import map_panels, panels
from readerstudy.studies.protocol import PROTOCOLS_DIR, protocol_parse

FOLDERS = ("explainer/catalogue/methods", "explainer/methods")
PROTOCOL = (PROTOCOLS_DIR / "demo-phantoms.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", METHODS)
def test_every_method_can_be_asked_for_in_a_protocol_and_is_explained_to_readers(key: str) -> None:
    arms = protocol_parse(PROTOCOL.replace('["latent_shift"]', f'["{key}"]')).arms
    assert arms[1].methods == (key,)
    assert [panel.key for panel in map_panels([key])] == [key]


@pytest.mark.parametrize("key", METHODS)
def test_every_method_can_be_computed_and_has_the_name_of_its_modules(key: str) -> None:
    method = chosen_method(key)
    assert method.info is METHODS[key]
    assert isinstance(method.settings, METHODS[key].settings)
    root = Path(__file__).parents[1]
    assert all((root / folder / f"{key}.py").is_file() for folder in FOLDERS)


def test_each_explanation_is_two_sentences_and_a_title_of_its_own() -> None:
    shown = map_panels(METHODS)
    for panel in shown:
        assert panel.explanation.endswith(".")
        assert panel.explanation.count(". ") == 1
    assert len({panel.title for panel in shown}) == len({method.title for method in METHODS.values()}) == len(METHODS)


def test_no_two_files_of_an_explanation_share_a_name() -> None:
    for names in (
        [artefact.file for method in METHODS.values() for artefact in method.files],
        [artefact.page for method in METHODS.values() for artefact in method.files if artefact.page],
        [panel.asset for panel in panels(METHODS)],
        [panel.key for panel in panels(METHODS)],
    ):
        assert Counter(names).most_common(1)[0][1] == 1
    assert len(known_files()) == 1 + sum(len(method.files) for method in METHODS.values())


@pytest.mark.parametrize("key", METHODS)
def test_readers_see_no_raw_map_and_nothing_that_is_not_stored(key: str) -> None:
    method = METHODS[key]
    stored = {artefact.kind for artefact in method.files if artefact.kind in STORED}
    for panel in method.panels:
        assert panel.method == key
        assert set(panel.made_of) <= stored
        # Of a raw map a reader gets the ranks alone, which are made of it and of its overlay.
        assert Kind.RAW not in panel.made_of or panel.made_of == (Kind.RAW, Kind.OVERLAY)


@pytest.mark.parametrize("key", METHODS)
def test_every_method_has_its_paragraph_with_the_settings_that_it_has(key: str) -> None:
    method, docs = METHODS[key], Path(__file__).parents[1] / "docs"
    pages = [(docs / name).read_text(encoding="utf-8") for name in ("attribution-methods.md", "latent-shift.md")]
    ((page, heading),) = [
        (page, found)
        for page in pages
        if (found := re.search(rf"^##? {re.escape(method.title)}(:.*)?$", page, re.MULTILINE))
    ]
    paragraph = page[heading.end() :]
    assert method.paper.authors.split(",")[0] in paragraph
    assert settings_table(method.settings) in paragraph


def test_the_command_line_lists_every_method_with_its_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["methods"]) == 0
    said = capsys.readouterr().out
    assert all(f"(`{key}`)" in said and method.paper.url in said for key, method in METHODS.items())
    assert main(["methods", "smooth_grad"]) == 2
