"""Who rated what, what is missing, and what that changes: neither planned nor exploration."""

from dataclasses import replace

from analysis.sections.columns import (
    CONTRAST,
    DRAWS,
    LABEL,
    MEAN_DIFFERENCE,
    N_CASES,
    N_PAIRS,
    N_READERS,
    P_OF_DRAWS,
    P_VALUE,
    QUESTION,
    READER,
    TARGET,
    interval,
)
from analysis.sections.section import Column, Figure, Kind, Part, Provenance, Reading, Section, Table

_CASES = Column("cases", "Cases", Kind.COUNT)
_RATED = (
    Column("rated_first_arm", "Rated first arm", Kind.COUNT),
    Column("rated_second_arm", "Rated second arm", Kind.COUNT),
)
_PAIRED = Column("paired", "Paired", Kind.COUNT)
_LACKING = (
    Column("lacking_first_arm", "Lacking first arm", Kind.COUNT),
    Column("lacking_second_arm", "Lacking second arm", Kind.COUNT),
    Column("unrated", "Unrated", Kind.COUNT),
    Column("repeats", "Repeats", Kind.COUNT),
    Column("periods", "Periods"),
    Column("complete", "Complete", Kind.FLAG),
)
_ALLOCATED = Column("allocated", "Allocated", Kind.COUNT)
#: Why an allocated reading has no answer to a question.
_REASONS = (
    Column("reader_withdrawn", "Reader withdrawn", Kind.COUNT),
    Column("case_excluded", "Case excluded", Kind.COUNT),
    Column("explanation_failed", "Explanation failed", Kind.COUNT),
    Column("not_read", "Not read", Kind.COUNT),
    Column("no_answer", "No answer", Kind.COUNT),
)
FLOW = Table(
    "flow",
    "Who rated what",
    "Cases rated, paired and lacking, per reader.",
    (QUESTION, READER, _CASES, *_RATED, _PAIRED, *_LACKING, _ALLOCATED, *_REASONS),
)
#: The same of a study whose allocation is known.
ALLOCATED = replace(
    FLOW,
    name="allocated",
    title="What was allocated and what became of it",
    about="Readings, that is a case in an arm; those that were not rated by their reason.",
)
MISSING_PAIRS = Table(
    "missing_pairs",
    "Excluded pairs",
    "Pairs that lack an arm.",
    (QUESTION, READER, Column("case", "Case"), TARGET, LABEL, Column("missing_arm", "Missing arm")),
)
EFFECT_BY_COMPLETENESS = Table(
    "effect_by_completeness",
    "With and without what is incomplete",
    "The effect of several sets of readers and cases.",
    (
        QUESTION,
        LABEL,
        Column("set", "Set"),
        N_READERS,
        N_CASES,
        N_PAIRS,
        MEAN_DIFFERENCE,
        interval("mean_difference"),
        P_VALUE,
        P_OF_DRAWS,
        DRAWS,
    ),
    Reading.DIFFERENCE,
    optional=(CONTRAST,),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"]["missing"]
    return (
        (
            f"Flow (`flow`): {options['flow']}. Where something is missing (`effect_by_completeness`): "
            f"{options['effect_by_completeness']}."
        ),
        (
            "A pair that lacks one of the arms is excluded and listed in `missing_pairs`; where a reader saw a case "
            "more than once in an arm, the earliest reading counts."
        ),
    )


SECTION = Section(
    "completeness",
    "What is missing",
    (
        Part(ALLOCATED, (READER, _ALLOCATED, *_RATED, _PAIRED, *_REASONS)),
        Part(FLOW),
        Part(MISSING_PAIRS),
        Part(EFFECT_BY_COMPLETENESS),
    ),
    _words,
    figures=(Figure("flow", "Cases, readings and pairs: who rated what, and what is in no pair.", FLOW),),
)
