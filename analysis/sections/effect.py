"""The effect of the arm with cases as the independent units, and what each reader contributes to it."""

from analysis.sections.columns import (
    CONTRAST,
    DRAWS,
    LABEL,
    MEAN_DIFFERENCE,
    N_CASES,
    N_PAIRS,
    P_BH,
    P_HOLM,
    P_OF_DRAWS,
    P_VALUE,
    QUESTION,
    RANK_BISERIAL,
    READER,
    SD_DIFFERENCE,
    TARGET,
    interval,
)
from analysis.sections.section import Column, Figure, Interval, Kind, Part, Provenance, Reading, Section, Table

PER_READER = Table(
    "per_reader",
    "Each reader",
    "Means of both arms and of the paired differences, per reader.",
    (
        QUESTION,
        LABEL,
        READER,
        N_PAIRS,
        Column("mean_first_arm", "Mean, first arm", Kind.FIXED),
        Column("mean_second_arm", "Mean, second arm", Kind.FIXED),
        MEAN_DIFFERENCE,
        interval("mean_difference"),
        SD_DIFFERENCE,
        Interval("first_arm_low", "first_arm_high", "First arm, 95% interval", of="mean_first_arm", signed=False),
        Interval("second_arm_low", "second_arm_high", "Second arm, 95% interval", of="mean_second_arm", signed=False),
    ),
    Reading.DIFFERENCE,
    optional=(CONTRAST,),
)
_KEYS = (QUESTION, LABEL, TARGET)
_OVER_CASES = (N_CASES, N_PAIRS, MEAN_DIFFERENCE, interval("mean_difference"), P_VALUE, P_HOLM)
_SHIFT = (
    Column("shift", "Shift", Kind.FIXED, signed=True),
    Interval("shift_low", "shift_high", "Shift, 95% interval", of="shift"),
    Column("signed_rank_exact", "Signed-rank p, exact", Kind.P),
)
_READERS = (
    Column("reader_correlation", "Correlation of readers", Kind.FIXED, signed=True),
    Interval("case_reader_low", "case_reader_high", "Cases and readers, 95% interval", of="mean_difference"),
)
_SIGNED_RANK = (
    Column("signed_rank_z", "Signed-rank z", Kind.FIXED, signed=True),
    Column("signed_rank_p", "Signed-rank p", Kind.P),
)
_RANK_BISERIAL = (
    RANK_BISERIAL,
    Interval("rank_biserial_low", "rank_biserial_high", "Rank-biserial, 95% interval", of="rank_biserial"),
)
_DRAWN = (P_OF_DRAWS, DRAWS)
_CLUSTERS = (
    Column("n_clusters", "Clusters", Kind.COUNT),
    Interval("cluster_low", "cluster_high", "Clusters, 95% interval", of="mean_difference"),
    Column("cluster_p", "p, clusters", Kind.P),
    Column("cluster_p_holm", "p, clusters, Holm", Kind.P),
)
EFFECT = Table(
    "effect",
    "Effect with cases as units",
    "Mean difference, second arm minus first, judged over cases.",
    (*_KEYS, *_OVER_CASES, *_SHIFT, *_READERS, *_SIGNED_RANK, *_RANK_BISERIAL, *_DRAWN, *_CLUSTERS),
    Reading.DIFFERENCE,
    optional=(P_BH, CONTRAST),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    options, clusters = provenance["options"]["effect"], provenance["options"]["clusters"]
    effect = (
        f"The effect (`effect`) is the {options['estimand']}. Interval: {options['interval']}. P-value: "
        f"{options['p_value']}. Adjusted by {provenance['options']['adjustment']} over {options['family']}. Shift: "
        f"{options['shift']}. Over cases and readers: {options['case_reader_interval']}. Ranks: "
        f"{options['signed_rank']}; {options['rank_biserial']}. `reader_correlation` is the mean correlation between "
        f"readers of their differences on the same cases. Intervals take {provenance['options']['draws']} draws each, "
        f"seed {provenance['seed']}."
    )
    readers = f"Each reader (`per_reader`): {provenance['options']['wilcoxon']['per_reader']}."
    together = f"Clusters: {clusters['cluster']}; {clusters['effect']}; {clusters['auc']}."
    return effect, readers, together


SECTION = Section(
    "effect",
    "Effect of the arm, with cases as units",
    (
        Part(PER_READER, planned=True),
        Part(EFFECT, (*_KEYS, *_OVER_CASES, P_BH, *_DRAWN, *_CLUSTERS), planned=True),
        Part(
            EFFECT,
            (*_KEYS, *_SHIFT, *_RANK_BISERIAL, *_SIGNED_RANK, *_READERS),
            title="Ranks, shift, and readers as a sample",
            note=(
                "The same differences in other measures: Hodges-Lehmann shift with the exact signed-rank test that "
                "its interval inverts, rank correlation, clustered signed-rank test. Far from 0, the correlation "
                "of readers misleads tests that pool them."
            ),
        ),
    ),
    _words,
    figures=(
        Figure(
            "forest",
            "Effect of the arm per target (squares), per reader (discs) and over all (diamond), with 95% intervals.",
            EFFECT,
        ),
    ),
    rest="Effect in other measures: ranks, shift, readers as a sample",
)
