"""The comparison of treatments from a file of ratings: AUC, AUC within targets, sensitivity and specificity."""

from typing import Any

from analysis.sections.columns import (
    ANALYSIS,
    AUC,
    DF,
    DIFFERENCE,
    HEADLINE,
    N_CASES,
    NOTE,
    P_HOLM,
    P_VALUE,
    READER,
    SE,
    STATISTIC,
    TARGET,
    interval,
)
from analysis.sections.section import Column, Figure, Kind, Part, Provenance, Reading, Row, Section, Table

TREATMENT = Column("treatment", "Treatment")
#: What the analysis of a single reader is called.
ONE_READER = "one reader"
FIRST, SECOND = Column("first", "First"), Column("second", "Second")
ONLY_FIRST = Column("only_first", "Right with first only", Kind.COUNT)
ONLY_SECOND = Column("only_second", "Right with second only", Kind.COUNT)
DISTRIBUTION = Column("distribution", "Distribution")
DF2 = Column("df2", "df 2", Kind.FIXED, decimals=2)
_AUC_INTERVAL, _DIFFERENCE_INTERVAL = interval("auc", signed=False), interval("difference")
_MEASURE = Column("figure", "Measure")
_THRESHOLD = Column("threshold", "Threshold", Kind.NUMBER)
_CASES_WITH = Column("cases_with", "TP cases", Kind.COUNT)
_CASES_WITHOUT = Column("cases_without", "FP cases", Kind.COUNT)

READERS_AUC = Table(
    "auc",
    "AUC per treatment and reader",
    "How well the ratings separate cases with and without the condition.",
    (TREATMENT, READER, AUC, SE, _AUC_INTERVAL),
)
COMPONENTS = Table(
    "auc_components",
    "AUC: variance components",
    "Mean squares, covariances and variances.",
    (Column("component", "Component"), Column("estimate", "Estimate", Kind.NUMBER)),
)
TESTS = Table(
    "auc_tests",
    "AUC: tests of the treatments",
    "Obuchowski-Rockette; the headline is the one to report.",
    (ANALYSIS, HEADLINE, DISTRIBUTION, STATISTIC, Column("df1", "df 1", Kind.COUNT), DF2, P_VALUE, NOTE),
)
DIFFERENCES = Table(
    "auc_differences",
    "AUC: differences of the treatments",
    "Differences, first treatment of the row minus second.",
    (ANALYSIS, FIRST, SECOND, DIFFERENCE, SE, DF, _DIFFERENCE_INTERVAL, P_VALUE),
    Reading.DIFFERENCE,
)
TREATMENTS_AUC = Table(
    "auc_treatments",
    "AUC per treatment",
    "Means over readers.",
    (ANALYSIS, TREATMENT, AUC, SE, DF, _AUC_INTERVAL),
)
READERS_DIFFERENCES = Table(
    "auc_per_reader",
    "AUC: difference of each reader",
    "First treatment of the row minus second.",
    (READER, FIRST, SECOND, DIFFERENCE, SE, _DIFFERENCE_INTERVAL, P_VALUE),
    Reading.DIFFERENCE,
)
TARGETS_AUC = Table(
    "auc_targets",
    "AUC per target",
    "Means over readers; 'within targets' takes pairs of the same target only.",
    (TARGET, TREATMENT, _CASES_WITH, _CASES_WITHOUT, AUC, SE, _AUC_INTERVAL),
)
TARGETS_DIFFERENCES = Table(
    "auc_target_differences",
    "AUC per target: differences of the treatments",
    "First treatment of the row minus second.",
    (TARGET, ANALYSIS, HEADLINE, FIRST, SECOND, DIFFERENCE, SE, DF, _DIFFERENCE_INTERVAL, P_VALUE, P_HOLM),
    Reading.DIFFERENCE,
)
POINTS = Table(
    "points",
    "Sensitivity and specificity",
    "At the score from which a reader calls the case positive.",
    (
        _MEASURE,
        _THRESHOLD,
        TREATMENT,
        READER,
        N_CASES,
        Column("estimate", "Estimate", Kind.FIXED),
        interval("estimate", signed=False),
    ),
)
POINT_DIFFERENCES = Table(
    "point_differences",
    "Sensitivity and specificity: differences",
    "First treatment of the row minus second, paired by case.",
    (
        _MEASURE,
        _THRESHOLD,
        ANALYSIS,
        HEADLINE,
        READER,
        FIRST,
        SECOND,
        N_CASES,
        ONLY_FIRST,
        ONLY_SECOND,
        DIFFERENCE,
        _DIFFERENCE_INTERVAL,
        P_VALUE,
    ),
    Reading.DIFFERENCE,
)


def to_report(row: Row) -> bool:
    """Whether a row is that of the analysis to report."""
    return bool(row.get("headline"))


def point_to_report(row: Row) -> bool:
    """The same where rows of one reader stand beside those of all."""
    return to_report(row) or row["analysis"] == ONE_READER


def auc_words(options: dict[str, Any]) -> tuple[str, ...]:
    """Describe the Obuchowski-Rockette analysis with these options."""
    return (
        (
            f"The area under the ROC curve is {options['auc']}. Areas are compared by the method of Obuchowski and "
            f"Rockette with degrees of freedom of Hillis; covariances over cases by {options['covariance']}. Three "
            "analyses generalise to other readers and cases (RRRC), to other cases read by these readers (FRRC), and "
            f"to other readers of these cases (RRFC). Differences are {options['difference']}; intervals are "
            f"{options['level']:.0%} intervals; {options['one_reader']}. {options['incomplete'].capitalize()}."
        ),
        f"Headline: {options['headline']}. Within targets, AUC is {options['within_targets']}.",
    )


def point_words(options: dict[str, Any]) -> tuple[str, ...]:
    """Describe sensitivity and specificity with these options."""
    threshold = options["default_threshold"] if options["threshold"] is None else f"{options['threshold']:g}"
    scales = options.get("scales") or {}
    if scales:
        threshold += f" (scales: {', '.join(f'{name} {low:g} to {high:g}' for name, (low, high) in scales.items())})"
    return (
        (
            f"Sensitivity and specificity (`points`, `point_differences`): {options['call']}; threshold: {threshold}. "
            f"One reader: {options['one_reader']}. All readers: {options['all_readers']}."
        ),
    )


def _auc_words(provenance: Provenance) -> tuple[str, ...]:
    return auc_words(provenance["options"]["mrmc"])


def _point_words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"].get("points")
    return () if options is None else point_words(options)


SECTIONS = (
    Section(
        "auc",
        "Comparison of AUC",
        (
            Part(
                DIFFERENCES,
                (ANALYSIS, FIRST, SECOND, DIFFERENCE, SE, DF, _DIFFERENCE_INTERVAL, P_VALUE),
                first=to_report,
            ),
            Part(TESTS, first=to_report, reported=to_report),
            Part(TREATMENTS_AUC),
            Part(READERS_AUC),
            Part(READERS_DIFFERENCES),
            Part(TARGETS_AUC),
            Part(TARGETS_DIFFERENCES, reported=to_report),
            Part(COMPONENTS),
        ),
        _auc_words,
        figures=(Figure("auc", "AUC of each reader.", READERS_AUC),),
    ),
    Section(
        "points",
        "Sensitivity and specificity",
        (Part(POINTS), Part(POINT_DIFFERENCES, reported=point_to_report)),
        _point_words,
    ),
)
