"""AUC: does the score tell true from false positives, and does it so better in the second arm?"""

from analysis.sections import treatments
from analysis.sections.arms import of_arms
from analysis.sections.columns import ANALYSIS, DIFFERENCE, NOTE, P_VALUE, STATISTIC, interval
from analysis.sections.section import Column, Figure, Interval, Kind, Part, Provenance, Section

_CLUSTERS = (
    Interval("cluster_low", "cluster_high", "Clusters, 95% interval", of="difference"),
    Column("cluster_p", "p, clusters", Kind.P),
)
_SECOND_MINUS_FIRST = "Second arm minus first."
AUC = of_arms(
    treatments.READERS_AUC,
    "AUC per arm and reader",
    "How well the scores separate true from false positives.",
)
AUC_COMPONENTS = of_arms(treatments.COMPONENTS, treatments.COMPONENTS.title, treatments.COMPONENTS.about)
AUC_TESTS = of_arms(treatments.TESTS, "AUC: tests of the arms", treatments.TESTS.about)
AUC_DIFFERENCES = of_arms(
    treatments.DIFFERENCES, "AUC: differences of the arms", "Differences, second arm minus first.", *_CLUSTERS
)
AUC_TREATMENTS = of_arms(treatments.TREATMENTS_AUC, "AUC per arm", treatments.TREATMENTS_AUC.about)
AUC_PER_READER = of_arms(treatments.READERS_DIFFERENCES, treatments.READERS_DIFFERENCES.title, _SECOND_MINUS_FIRST)
AUC_TARGETS = of_arms(treatments.TARGETS_AUC, treatments.TARGETS_AUC.title, treatments.TARGETS_AUC.about)
AUC_TARGET_DIFFERENCES = of_arms(
    treatments.TARGETS_DIFFERENCES, "AUC per target: differences of the arms", _SECOND_MINUS_FIRST
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    intro = "The score is taken as a rating that should separate true from false positives, per question (`auc`)."
    return (intro, *treatments.auc_words(provenance["options"]["auc"]))


SECTION = Section(
    "auc",
    "AUC: does the score tell true from false positives?",
    (
        Part(
            AUC_DIFFERENCES,
            (
                ANALYSIS,
                DIFFERENCE,
                interval("difference"),
                P_VALUE,
                treatments.DISTRIBUTION,
                STATISTIC,
                treatments.DF2,
                *_CLUSTERS,
                NOTE,
            ),
            planned=True,
            first=treatments.to_report,
            reported=treatments.to_report,
            title="Difference of the arms",
            note=(
                "Second arm minus first, by Obuchowski and Rockette. RRRC: readers and cases random; FRRC: these "
                "readers, random cases; RRFC: random readers, these cases."
            ),
            beside=AUC_TESTS,
        ),
        Part(AUC_TREATMENTS, planned=True),
        Part(AUC),
        Part(AUC_PER_READER),
        Part(AUC_TARGETS),
        Part(AUC_TARGET_DIFFERENCES, reported=treatments.to_report),
        Part(AUC_COMPONENTS),
    ),
    _words,
    figures=(
        Figure(
            "roc",
            "ROC curves of the scores: each reader (grey), the readers' mean, its point at the threshold (white).",
            AUC,
        ),
    ),
    rest="AUC of each reader and target",
)
