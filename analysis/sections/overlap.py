"""The overlap of the map with the expert's annotation against the score: as published, and by case."""

from analysis.sections.columns import (
    ARM,
    DRAWS,
    N_CASES,
    P_OF_DRAWS,
    P_VALUE,
    QUESTION,
    SPEARMAN,
    STATUS,
    TARGET,
    N,
    interval,
)
from analysis.sections.ordinal import TERMS
from analysis.sections.section import Column, Figure, Kind, Part, Provenance, Section, Table

ARM_BY_IOU = "arm x IoU"
IOU_PUBLISHED = Table(
    "iou_published",
    "IoU against the score, as published",
    "Least squares over readings; the p-value is too small.",
    (
        QUESTION,
        ARM,
        TARGET,
        N,
        Column("slope", "Slope", Kind.FIXED, signed=True),
        Column("intercept", "Intercept", Kind.FIXED, signed=True),
        Column("r", "r", Kind.FIXED, signed=True),
        P_VALUE,
        STATUS,
    ),
)
_RANKS = (
    QUESTION,
    ARM,
    TARGET,
    N_CASES,
    SPEARMAN,
    interval("spearman"),
    P_VALUE,
    Column("kendall", "Kendall tau-b", Kind.FIXED, signed=True),
    P_OF_DRAWS,
    DRAWS,
)
IOU_RANK = Table("iou_rank", "IoU against the score, by case", "Rank correlation with the readers' mean score.", _RANKS)
IOU_RANK_CORRECTED = Table(
    "iou_rank_corrected",
    "Chance-corrected IoU against the score",
    "Rank correlation with the readers' mean score.",
    _RANKS,
)
IOU_ORDINAL = Table(
    "iou_ordinal",
    "Ordinal model of the score on IoU",
    "Log odds ratios of a higher score per 0.1 of IoU.",
    TERMS,
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"]
    published, rank, chance = options["iou_published"], options["iou_rank"], options["iou_chance"]
    return (
        f"As published: {published['model']} (`iou_published`). Its limits: {published['caveat']}.",
        (
            f"Beside it: {rank['model']} (`iou_rank`). For all targets together: {rank['all']}. Interval: "
            f"{rank['interval']}. P-value: {rank['p_value']}. {options['draws']} draws each to begin with, seed "
            f"{provenance['seed']}."
        ),
        (
            f"Corrected for chance (`iou_rank_corrected`): {chance['corrected']}, where expected is the "
            f"{chance['expected']}; areas come from the {chance['areas']}; {chance['assumption']}. Ordinal model "
            f"(`iou_ordinal`): {options['ordinal']['iou']}. {rank['kendall']}."
        ),
    )


SECTION = Section(
    "iou",
    "Overlap with the expert's annotation",
    (
        Part(IOU_RANK, planned=True),
        Part(IOU_RANK_CORRECTED, planned=True),
        Part(IOU_ORDINAL, first=lambda row: bool(row["term"] == ARM_BY_IOU)),
        Part(IOU_PUBLISHED),
    ),
    _words,
    figures=(
        Figure(
            "iou",
            "IoU of each true positive against the scores, with the published lines (Figure 6B).",
            IOU_PUBLISHED,
        ),
    ),
)
