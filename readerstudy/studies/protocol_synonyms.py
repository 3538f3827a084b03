"""The protocol's [synonyms] table: what tables of labels call a finding, and the finding that they mean."""

from collections.abc import Sequence

from explainer.catalogue.findings import VocabularyError, vocabulary
from readerstudy.studies.protocol_table import Table


def synonyms(table: Table, targets: Sequence[str]) -> dict[str, str]:
    """Text -> finding or `No Finding`, for a study of these targets; what cannot be is noted."""
    found = {text: table.text(text, maximum=100) for text in table.keys}
    try:
        vocabulary(targets, {text: name for text, name in found.items() if name})  # others are noted already
    except VocabularyError as error:
        table.refuse(error.synonym, str(error))
    table.done()
    return found
