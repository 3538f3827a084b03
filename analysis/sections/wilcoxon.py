"""The Wilcoxon signed-rank test as it was published, and with its exact distribution."""

from analysis.sections.columns import (
    CONTRAST,
    LABEL,
    MEAN_DIFFERENCE,
    N_PAIRS,
    P_BH,
    P_HOLM,
    P_VALUE,
    QUESTION,
    RANK_BISERIAL,
    SD_DIFFERENCE,
    STATISTIC,
    TARGET,
)
from analysis.sections.section import Column, Kind, Part, Provenance, Reading, Section, Table

WILCOXON = Table(
    "wilcoxon",
    "Wilcoxon signed-rank tests, as published",
    "Pairs counted as independent, which they are not.",
    (
        QUESTION,
        LABEL,
        TARGET,
        N_PAIRS,
        MEAN_DIFFERENCE,
        SD_DIFFERENCE,
        STATISTIC,
        P_VALUE,
        RANK_BISERIAL,
        P_HOLM,
    ),
    Reading.DIFFERENCE,
    fixed=True,
    optional=(P_BH,),
)
WILCOXON_EXACT = Table(
    "wilcoxon_exact",
    "Wilcoxon signed-rank tests, exact",
    "The published tests without the normal approximation; pairs are still counted as independent.",
    (
        QUESTION,
        LABEL,
        TARGET,
        N_PAIRS,
        Column("n_nonzero", "Pairs that differ", Kind.COUNT),
        STATISTIC,
        P_VALUE,
        Column("method", "Method"),
        P_HOLM,
    ),
    Reading.DIFFERENCE,
    optional=(P_BH, CONTRAST),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    options, exact = provenance["options"]["wilcoxon"], provenance["options"]["wilcoxon_exact"]
    test = (
        "For each question and label, over all targets and per target, the Wilcoxon signed-rank test is computed with "
        f"zero_method={options['zero_method']} (zero differences are dropped), correction={options['correction']} (no "
        f"continuity correction), method={options['method']} (normal approximation), "
        f"alternative={options['alternative']}. The statistic is the smaller of the two rank sums. Standard deviations "
        f"of differences divide by the number of pairs (ddof {options['sd_ddof']}). The matched-pairs rank-biserial "
        "correlation is the difference of the rank sums over their sum; it is positive where the second arm scores "
        f"higher. P-values are adjusted by the method of {options['adjustment']} over {options['family']}; tests over "
        "all targets are not adjusted."
    )
    beside = f"Beside it (`wilcoxon_exact`): {exact['test']}; {exact['caveat']}."
    limits = (
        "Answers of several readers on one case are not independent, so that the pooled test rejects too often; "
        "`per_reader` shows each reader, and `effect` takes cases as the independent units."
    )
    return test, beside, limits


SECTION = Section(
    "wilcoxon",
    "Wilcoxon signed-rank test, as published",
    (Part(WILCOXON, planned=True), Part(WILCOXON_EXACT)),
    _words,
    about="All readers pooled. Answers on one case are not independent, so that this test rejects too often.",
)
