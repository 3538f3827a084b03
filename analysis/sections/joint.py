"""Two questions of one reading together."""

from analysis.sections.columns import ARM, LABEL, QUESTION, SPEARMAN, N
from analysis.sections.section import Column, Figure, Kind, Part, Pivot, Provenance, Section, Table

_SECOND_QUESTION = Column("second_question", "Second question")
SCORE_JOINT = Table(
    "score_joint",
    "Joint distribution of two questions",
    "How often both scores were given in one reading.",
    (
        QUESTION,
        _SECOND_QUESTION,
        LABEL,
        ARM,
        Column("value", "Score", Kind.NUMBER),
        Column("second_value", "Second score", Kind.NUMBER),
        Column("count", "Count", Kind.COUNT),
    ),
)
SCORE_JOINT_MEANS = Table(
    "score_joint_means",
    "Means of two questions",
    "Of the readings with an answer to both.",
    (
        QUESTION,
        _SECOND_QUESTION,
        LABEL,
        ARM,
        N,
        Column("mean", "Mean", Kind.FIXED),
        Column("second_mean", "Mean, second question", Kind.FIXED),
        SPEARMAN,
    ),
)


def _words(_provenance: Provenance) -> tuple[str, ...]:
    return (
        (
            "Readings with an answer to both questions (`score_joint`, `score_joint_means`), of every two questions in "
            "natural order."
        ),
    )


SECTION = Section(
    "joint",
    "Two questions together",
    (
        Part(SCORE_JOINT_MEANS),
        Part(
            SCORE_JOINT,
            pivot=Pivot("second_value", "count"),
            note="How often both scores were given in one reading: rows of the first, columns of the second.",
        ),
    ),
    _words,
    figures=(Figure("joint", "Both scores of each reading, with means (Figure F.3).", SCORE_JOINT),),
)
