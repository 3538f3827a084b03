"""Tables of treatments as tables of a study: a question more, and its arms in place of the treatments."""

from dataclasses import replace

from analysis.sections import treatments
from analysis.sections.columns import ARM, CONTRAST, QUESTION
from analysis.sections.section import AnyColumn, Column, Kind, Reading, Table

#: With two arms the contrast of the report says what first and second would; the second arm came first.
_OF_ARMS: dict[AnyColumn, tuple[AnyColumn, ...]] = {
    treatments.TREATMENT: (ARM,),
    treatments.FIRST: (),
    treatments.SECOND: (),
    treatments.ONLY_FIRST: (Column("only_second_arm", "Right in second arm only", Kind.COUNT),),
    treatments.ONLY_SECOND: (Column("only_first_arm", "Right in first arm only", Kind.COUNT),),
}
#: Names of columns of treatments that are called otherwise where arms are compared.
RENAMED = {old.names[0]: new[0].names[0] for old, new in _OF_ARMS.items() if new}


def of_arms(table: Table, title: str, about: str, *more: AnyColumn) -> Table:
    """The table for every question of a study, with these columns behind its own."""
    columns = [kept for column in table.columns for kept in _OF_ARMS.get(column, (column,))]
    optional = (CONTRAST,) if table.reading is not Reading.PLAIN else ()
    return replace(table, title=title, about=about, columns=(QUESTION, *columns, *more), optional=optional)
