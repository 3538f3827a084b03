"""What was answered: scores per target, and how often each was given."""

from analysis.sections.columns import ARM, LABEL, QUESTION, TARGET, N
from analysis.sections.section import Column, Figure, Kind, Part, Pivot, Provenance, Section, Table

SCORE_SUMMARY = Table(
    "score_summary",
    "Scores per target",
    "Mean, standard deviation (ddof 0), median and quartiles.",
    (
        QUESTION,
        LABEL,
        TARGET,
        ARM,
        N,
        Column("mean", "Mean", Kind.FIXED),
        Column("sd", "SD", Kind.FIXED),
        Column("median", "Median", Kind.FIXED, decimals=2),
        Column("q1", "Lower quartile", Kind.FIXED, decimals=2),
        Column("q3", "Upper quartile", Kind.FIXED, decimals=2),
    ),
)
SCORE_COUNTS = Table(
    "score_counts",
    "Counts of scores, as published",
    "How often each score was given.",
    (QUESTION, LABEL, TARGET, ARM, Column("value", "Score", Kind.NUMBER), Column("count", "Count", Kind.COUNT)),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    ddof = provenance["options"]["wilcoxon"]["sd_ddof"]
    return (
        (
            "Every reading counts (`score_summary`, `score_counts`). Standard deviations divide by the number of "
            f"readings less {ddof}."
        ),
    )


SECTION = Section(
    "scores",
    "Scores given",
    (
        Part(SCORE_COUNTS, pivot=Pivot("value", "count"), keep=lambda row: bool(row["target"] == "all")),
        Part(
            SCORE_COUNTS,
            pivot=Pivot("value", "count"),
            keep=lambda row: bool(row["target"] != "all"),
            title="Counts of scores per target, as published",
        ),
        Part(SCORE_SUMMARY),
    ),
    _words,
    figures=(
        Figure("counts", "How often each score was given (Figure F.4).", SCORE_COUNTS),
        Figure("scores", "Scores per target, label and arm (Figure 6A).", SCORE_COUNTS),
    ),
)
