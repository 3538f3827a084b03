"""methods.md: what was done to the data, every option in words, section by section, from the provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.sections.section import Provenance, Section


#: A heading and the paragraphs under it.
Chapter = tuple[str, tuple[str, ...]]


def chapters(data: Sequence[str], sections: Sequence[Section], provenance: Provenance) -> tuple[Chapter, ...]:
    """The methods of a report: paragraphs on its data, the words of its sections, and software."""
    found: list[Chapter] = [("Data", tuple(data))]
    found += [(section.title, words) for section in sections if (words := section.words(provenance))]
    if drawn := provenance["options"].get("drawn_p"):
        found.append(("P-values of draws", (_drawn(drawn),)))
    software = ", ".join(f"{name} {version}" for name, version in provenance["software"].items())
    return (*found, ("Software", (f"{software}.",)))


def methods_text(methods: Sequence[Chapter], messages: Sequence[str]) -> str:
    """methods.md: the chapters, and the notes on these data."""
    parts = ["# Methods"]
    for title, paragraphs in methods:
        parts += [f"## {title}", *paragraphs]
    if messages:
        parts += ["## Notes on these data", "\n".join(f"- {message}" for message in messages)]
    return "\n\n".join(parts) + "\n"


def study_data(provenance: Provenance) -> list[str]:
    """What a study's responses are, and which arm was taken from which."""
    data, contrast = provenance["data"], provenance["contrast"]
    plan = ""
    if provenance["plan"] is not None:
        plan = f" Analysis plan {provenance['plan']['file']}, SHA-256 `{provenance['plan']['sha256']}`."
    of_study = f" of study {data['study']}" if data["study"] else ""
    differences = (
        f"Differences are {contrast} within pairs of the same reader, case and question."
        if contrast
        else "Fewer than two arms are present, so that no difference is computed."
    )
    return [
        (
            f"{data['responses']} responses of {data['readers']} readers on {data['cases']} cases{of_study}. "
            f"Questions: {_list(data['questions'])}. Targets: {_list(data['targets'])}. Arms: "
            f"{_list(provenance['arms'])}. SHA-256 of the data ({data['sha256_of']}): `{data['sha256']}`.{plan}"
        ),
        differences,
        *_selected(provenance),
    ]


def ratings_data(provenance: Provenance) -> list[str]:
    """What a file of ratings holds."""
    data = provenance["data"]
    return [
        (
            f"Ratings of {data['readers']} readers on {data['cases']} cases ({data['cases_with']} with and "
            f"{data['cases_without']} without the condition) with the treatments {_list(provenance['treatments'])}. "
            f"SHA-256 of the ratings: `{data['sha256']}`."
        )
    ]


def pilot_data(provenance: Provenance) -> list[str]:
    """What a power calculation rests on."""
    source = provenance["data"]
    if not source:
        return ["Components that were assumed; no pilot was read."]
    return [f"Pilot {source['file']}, SHA-256 `{source['file_sha256']}`."]


def _selected(provenance: Provenance) -> list[str]:
    """A report of part of the data says so."""
    selection = provenance["selection"]
    if selection is None:
        return []
    kept = "; ".join(f"{name}: {_list([str(value) for value in values])}" for name, values in selection.items())
    return [
        (
            f"Exploration: filtered to part of the responses ({kept}). These are not the results of the planned "
            "analysis; no p-value is adjusted for the choice."
        )
    ]


def _drawn(options: dict[str, Any]) -> str:
    return (
        f"Where a p-value needs draws it is {options['p_value']}. Monte Carlo interval: {options['interval']}. Draws: "
        f"{options['draws']}."
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
