"""What an import takes in and somebody should look at: texts that are no known finding, unread columns, alike names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from analysis.data.tables import alike
from explainer.catalogue.findings import Vocabulary, folded
from explainer.datasets.labels import COLUMNS, LabelTable
from readerstudy.studies.import_tables import LabelRow, Problem
from readerstudy.studies.models import Study
from readerstudy.studies.services.labels import unknown_in

READ = ("image", "file", "patient_id", "age", "sex", "view", "dataset", *COLUMNS)
_KEYS_SHOWN = 5


def table_warnings(
    source: str, rows: Sequence[LabelRow], table: LabelTable | None, vocabulary: Vocabulary, study: Study
) -> list[Problem]:
    """What to look at in a table of labels."""
    reasons = [
        *_unknown(rows, vocabulary),
        *(_unread(table) if table else ()),
        *_alike("image", "images", [(row.image, row.line) for row in rows], study),
        *_alike("patient", "patients", [(row.patient, row.line) for row in rows if row.patient], study),
    ]
    return [Problem(source, None, reason) for reason in reasons]


def _unknown(rows: Sequence[LabelRow], vocabulary: Vocabulary) -> Iterable[str]:
    for text, count, doubted in unknown_in((row.statement for row in rows), vocabulary):
        taken = f", and leaves {' and '.join(doubted)} uncertain there" if doubted else ""
        yield f"{text!r} is no known finding ({count} {'row' if count == 1 else 'rows'}){taken}"


def _unread(table: LabelTable) -> Iterable[str]:
    unread = [name for name in table.columns if name and name not in READ and name not in table.by_finding]
    meant = {folded(name): name for name in READ}
    for name in unread:
        if (other := meant.get(folded(name))) and other not in table.columns:
            yield f"the column {name} is not read: call it {other}"
    others = [name for name in unread if folded(name) not in meant]
    if others:
        yield f"columns that are not read: {', '.join(others)}"


def _alike(kind: str, kinds: str, names: Sequence[tuple[str, int]], study: Study) -> Iterable[str]:
    """`kind` is a column's word for what is named; names of the study and of the table are looked at together."""
    field = "name" if kind == "image" else kind
    lines: dict[str, list[int]] = defaultdict(list)
    for name, line in names:
        lines[name].append(line)
    stored = study.images.exclude(**{field: ""}).values_list(field, flat=True).distinct()
    for group in alike([*stored, *lines]):
        if not any(name in lines for name in group):
            continue
        where = "; ".join(f"{name} in {_places(lines[name])}" for name in group)
        yield (
            f"the {kinds} {' and '.join(group)} differ only in case, blanks, leading zeros or .0 ({where}): they count "
            f"as different; write one of them throughout if they are one {kind}"
        )


def _places(lines: Sequence[int]) -> str:
    if not lines:
        return "the study"
    more = ", ..." if len(lines) > _KEYS_SHOWN else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:_KEYS_SHOWN]))}{more}"
