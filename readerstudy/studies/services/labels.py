"""Labels of a table, stored: what each row says of each finding, and where it says otherwise than what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from explainer.catalogue.findings import State, Vocabulary
from explainer.datasets.labels import Statement
from readerstudy.studies.import_tables import FINDING_LENGTH
from readerstudy.studies.models import Image, Label, Study


def labels_of_row(statement: Statement, assessed: Iterable[str]) -> dict[str, str]:
    """State by finding; a text that is no known finding keeps its words, as something that was seen."""
    found: dict[str, str] = {name: state.value for name, state in statement.labels(assessed).items()}
    for text in statement.unknown:
        found.setdefault(shortened(text), State.POSITIVE.value)
    return found


def labels_said(stored: Mapping[str, str], statement: Statement, assessed: Iterable[str]) -> dict[str, str]:
    """What a row says of an image that is stored already; `assessed` are those that somebody stated, if any did.

    A row that lists its findings also takes back those that it does not list, unless it is stated what it assessed.
    """
    stated = tuple(assessed) or statement.assessed
    said = labels_of_row(statement, stated or ())
    if statement.complete and stated is None:
        for finding, state in stored.items():
            if state in {State.POSITIVE, State.UNCERTAIN}:
                said.setdefault(finding, State.NEGATIVE.value)
    return said


def labels_store(labels: Mapping[int, Mapping[str, str]]) -> None:
    """Store the labels of new images: image -> state by finding."""
    rows = (
        Label(image_id=image, finding=finding, state=state)
        for image, states in labels.items()
        for finding, state in states.items()
    )
    Label.objects.bulk_create(rows, batch_size=2000)


def labels_stored(study: Study) -> dict[int, dict[str, str]]:
    """Image -> state by finding, of all images of the study."""
    found: dict[int, dict[str, str]] = {pk: {} for pk in Image.objects.filter(study=study).values_list("pk", flat=True)}
    for image, finding, state in Label.objects.filter(image__study=study).values_list("image_id", "finding", "state"):
        found[image][finding] = state
    return found


def shortened(text: str) -> str:
    """A text that is no known finding, as it is stored."""
    return text if len(text) <= FINDING_LENGTH else f"{text[: FINDING_LENGTH - 1]}…"


def unknown_in(statements: Iterable[Statement], vocabulary: Vocabulary) -> list[tuple[str, int, tuple[str, ...]]]:
    """Texts that are no known finding: how many rows have each, and which findings it leaves uncertain there."""
    counts: dict[str, int] = {}
    for statement in statements:
        for text in statement.unknown:
            counts[text] = counts.get(text, 0) + 1
    return [(text, count, vocabulary.alike(text)) for text, count in sorted(counts.items(), key=lambda one: -one[1])]
