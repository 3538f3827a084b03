"""The JSON Schemas that editors use are those of the readers, and the examples keep to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command

from readerstudy.studies.management.commands.schemas import SCHEMAS

DOCS = Path(__file__).parents[2] / "docs" / "schemas"


def test_the_files_in_the_documentation_are_those_that_the_command_writes(tmp_path: Path) -> None:
    call_command("schemas", tmp_path, verbosity=0)
    for name in SCHEMAS:
        assert (tmp_path / name).read_text() == (DOCS / name).read_text(), "run `manage.py schemas docs/schemas`"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_names_required_keys_limits_and_words(name: str) -> None:
    text = (DOCS / name).read_text(encoding="utf-8")
    parts = {
        "protocol.json": ('"cases_per_cell"', '"maximum": 10000', '"until_submit"', '"additionalProperties": false'),
        "model.json": ('"softmax"', '"maximum": 8192', "such as [-1024, 1024] or [0, 1]", '"encoder_sha256"'),
    }
    assert [part for part in parts[name] if part not in text] == []
