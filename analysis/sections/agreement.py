"""Agreement between readers in each arm, and of each reader with the hidden repeats."""

from analysis.sections.columns import ARM, N_CASES, NOTE, QUESTION, SE, interval
from analysis.sections.section import Column, Figure, Kind, Part, Provenance, Section, Table

AGREEMENT = Table(
    "agreement",
    "Agreement of the readers",
    "Between readers in each arm, and within readers from repeats.",
    (
        QUESTION,
        ARM,
        Column("kind", "Kind"),
        Column("readers", "Readers"),
        Column("statistic", "Statistic"),
        N_CASES,
        Column("estimate", "Estimate", Kind.FIXED, signed=True),
        SE,
        interval("estimate"),
        NOTE,
    ),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"]["agreement"]
    return (
        (
            f"Per question and arm (`agreement`): {options['kappa']}; {options['icc']}; {options['alpha']}. Within a "
            f"reader: the same of {options['within']}. Intervals: {options['interval']}."
        ),
    )


SECTION = Section(
    "agreement",
    "Agreement of the readers",
    (Part(AGREEMENT, planned=True),),
    _words,
    figures=(Figure("agreement", "Agreement of the readers in each arm, with 95% intervals.", AGREEMENT),),
)
