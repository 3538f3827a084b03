"""results.json of any format that was ever written, in the words of today."""

from __future__ import annotations

from typing import Any

from analysis.sections.completeness import EFFECT_BY_COMPLETENESS

#: Today's name of a table -> what it was called before format 2.
FORMER_NAMES = {EFFECT_BY_COMPLETENESS.name: "sensitivity"}


def current_results(content: dict[str, Any]) -> dict[str, Any]:
    """The content of results.json with the names that tables and their options have today."""
    provenance = content["provenance"]
    if provenance["format"] > 1:
        return content
    today = {old: new for new, old in FORMER_NAMES.items()}
    tables = {today.get(name, name): rows for name, rows in content["tables"].items()}
    options = dict(provenance["options"])
    if "missing" in options:
        options["missing"] = {today.get(name, name): words for name, words in options["missing"].items()}
    return {"tables": tables, "provenance": {**provenance, "options": options}}
