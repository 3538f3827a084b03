"""The sections of a report: which tables and figures belong together, and which of them were planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.data.order import natural_order, unique_slugs
from analysis.report import labels
from analysis.report.shown import Part, Pivot, Row, ShownTable, Tables, shown_table

ARM_BY_LABEL = "arm x label"
EFFECT = (
    "label",
    "target",
    "n_cases",
    "n_pairs",
    "mean_difference",
    "ci_low",
    "ci_high",
    "p_value",
    "p_holm",
    "p_bh",
    "p_mc_low",
    "p_mc_high",
    "draws",
    "n_clusters",
    "cluster_low",
    "cluster_high",
    "cluster_p",
    "cluster_p_holm",
)
ORDINAL = ("term", "odds_ratio", "or_low", "or_high", "estimate", "se_robust", "p_robust", "lr_p", "df_robust", "note")


@dataclass(frozen=True)
class Section:
    """One topic. `methods` is its heading in methods.md, `figures` are the starts of its figures' names."""

    key: str
    title: str
    methods: str
    parts: tuple[Part, ...]
    figures: tuple[str, ...] = ()
    about: str = ""
    rest: str = ""  # the title of what is left for exploration where the section was planned


SECTIONS = (
    Section(
        "ordinal",
        "Ordinal mixed model: do true positives rise more than false ones?",
        "Ordinal mixed model",
        (
            Part(
                "ordinal",
                ORDINAL,
                planned=True,
                keep=lambda row: row["model"] == "main" and row["term"].startswith("arm"),
                first=lambda row: row["term"] == ARM_BY_LABEL,
                title="Arm and label",
                note=(
                    "Odds ratios of a higher score, second arm against first. 'arm x label' is the question: the odds "
                    "ratio for true positives over that for false ones. Intervals and p are robust, with cases as "
                    "clusters, corrected where they are few."
                ),
            ),
            Part(
                "ordinal",
                ("model", "term", "estimate", "se", "z", "p_value", *ORDINAL[1:4], *ORDINAL[5:]),
                title="All terms of the models",
            ),
            Part("ordinal_models"),
        ),
        rest="Ordinal mixed model: all terms, and the fits",
    ),
    Section(
        "effect",
        "Effect of the arm, with cases as units",
        "Effect with cases as units",
        (
            Part("per_reader", planned=True),
            Part("effect", EFFECT, planned=True),
            Part(
                "effect",
                (
                    "label",
                    "target",
                    "shift",
                    "shift_low",
                    "shift_high",
                    "signed_rank_exact",
                    "rank_biserial",
                    "rank_biserial_low",
                    "rank_biserial_high",
                    "signed_rank_z",
                    "signed_rank_p",
                    "reader_correlation",
                    "case_reader_low",
                    "case_reader_high",
                ),
                title="Ranks, shift, and readers as a sample",
                note=(
                    "The same differences in other measures: Hodges-Lehmann shift with the exact signed-rank test that "
                    "its interval inverts, rank correlation, clustered signed-rank test. Far from 0, the correlation "
                    "of readers misleads tests that pool them."
                ),
            ),
        ),
        ("forest",),
        rest="Effect in other measures: ranks, shift, readers as a sample",
    ),
    Section(
        "equivalence",
        "Equivalence and non-inferiority",
        "Effect with cases as units",
        (Part("equivalence", planned=True),),
    ),
    Section(
        "auc",
        "AUC: does the score tell true from false positives?",
        "Accuracy of the readers per arm",
        (
            Part(
                "auc_comparison",
                (
                    "analysis",
                    "difference",
                    "ci_low",
                    "ci_high",
                    "p_value",
                    "distribution",
                    "statistic",
                    "df2",
                    "cluster_low",
                    "cluster_high",
                    "cluster_p",
                    "note",
                ),
                planned=True,
                first=lambda row: bool(row.get("headline")),
                title="Difference of the arms",
                files=("auc_differences", "auc_tests"),
                note=(
                    "Second arm minus first, by Obuchowski and Rockette. RRRC: readers and cases random; FRRC: these "
                    "readers, random cases; RRFC: random readers, these cases."
                ),
            ),
            Part("auc_treatments", planned=True),
            Part("auc"),
            Part("auc_per_reader"),
            Part("auc_targets"),
            Part("auc_target_differences"),
            Part("auc_components"),
        ),
        ("roc",),
        rest="AUC of each reader and target",
    ),
    Section(
        "points",
        "Sensitivity and specificity",
        "Accuracy of the readers per arm",
        (Part("points", planned=True), Part("point_differences", planned=True)),
    ),
    Section(
        "period",
        "Period and carry-over",
        "Effect with cases as units",
        (Part("period_effect"),),
    ),
    Section(
        "agreement",
        "Agreement of the readers",
        "Agreement of the readers",
        (Part("agreement", planned=True),),
        ("agreement",),
    ),
    Section(
        "time",
        "Time and learning",
        "Time",
        (Part("time_effect", planned=True), Part("time"), Part("time_learning")),
        ("time",),
    ),
    Section(
        "scores",
        "Scores given",
        "Comparison of the arms (as published)",
        (
            Part("score_counts", pivot=Pivot("value", "count"), keep=lambda row: row["target"] == "all"),
            Part(
                "score_counts",
                pivot=Pivot("value", "count"),
                keep=lambda row: row["target"] != "all",
                title="Counts of scores per target, as published",
            ),
            Part("score_summary"),
        ),
        ("counts", "scores"),
    ),
    Section(
        "joint",
        "Two questions together",
        "Comparison of the arms (as published)",
        (
            Part("score_joint_means"),
            Part(
                "score_joint",
                pivot=Pivot("second_value", "count"),
                note="How often both scores were given in one reading: rows of the first, columns of the second.",
            ),
        ),
        ("joint",),
    ),
    Section(
        "iou",
        "Overlap with the expert's annotation",
        "Overlap with the expert mask",
        (
            Part("iou_rank", planned=True),
            Part("iou_rank_corrected", planned=True),
            Part("iou_ordinal", first=lambda row: row["term"] == "arm x IoU"),
            Part("iou_published"),
        ),
        ("iou",),
    ),
    Section(
        "wilcoxon",
        "Wilcoxon signed-rank test, as published",
        "Comparison of the arms (as published)",
        (Part("wilcoxon", planned=True), Part("wilcoxon_exact")),
        about="All readers pooled. Answers on one case are not independent, so that this test rejects too often.",
    ),
)
#: Who rated what: neither planned nor exploration.
COMPLETENESS = Section(
    "completeness",
    "What is missing",
    "Missing readings",
    (
        Part(
            "allocated",
            (
                "reader",
                "allocated",
                "rated_first_arm",
                "rated_second_arm",
                "paired",
                "reader_withdrawn",
                "case_excluded",
                "explanation_failed",
                "not_read",
                "no_answer",
            ),
            title="What was allocated and what became of it",
            note="Readings, that is a case in an arm; those that were not rated by their reason.",
        ),
        Part("flow"),
        Part("missing_pairs"),
        Part("sensitivity"),
    ),
    ("flow",),
)


#: Keys of the sections that can be planned.
PLANNABLE = tuple(section.key for section in SECTIONS if any(part.planned for part in section.parts))


@dataclass(frozen=True)
class Planned:
    """What was planned before the data were seen, as keys of sections. No `questions` means all of them."""

    analyses: tuple[str, ...] = ("effect", "ordinal", "auc")
    questions: tuple[str, ...] = ()
    stated: bool = False  # whether anybody said so; else it is the standard analysis of every study


@dataclass(frozen=True)
class ShownFigure:
    """A figure of the report with the words under it."""

    name: str
    caption: str
    about: str  # the wording of its question, empty where it is of none


@dataclass(frozen=True)
class ShownSection:
    """A section as it stands on the page."""

    key: str
    title: str
    about: str
    tables: tuple[ShownTable, ...]
    figures: tuple[ShownFigure, ...]
    methods: tuple[str, ...]  # its options in words, paragraph by paragraph


@dataclass(frozen=True)
class Results:
    """All sections: what is missing, what was planned, and everything else."""

    completeness: ShownSection | None
    planned: tuple[ShownSection, ...]
    exploration: tuple[ShownSection, ...]


def results_shown(
    tables: Tables,
    figures: Sequence[str],
    methods: str,
    questions: Mapping[str, str],
    plan: Planned,
    *,
    part: bool,
) -> Results:
    """Everything that a report has; `questions` is key -> wording in the protocol's order.

    `part` tells that the report is of part of the data: then nothing was planned.
    """
    report = _Report({**tables, "auc_comparison": _auc_comparison(tables)}, methods_by_heading(methods), questions)
    primary = {key: text for key, text in questions.items() if not plan.questions or key in plan.questions}
    others = {key: text for key, text in questions.items() if key not in primary}
    first = () if part else plan.analyses
    by_key = {section.key: section for section in SECTIONS}
    planned = [
        report.section(by_key[key], [(one, primary) for one in by_key[key].parts if one.planned], key=f"planned-{key}")
        for key in first
    ]
    exploration = []
    for section in SECTIONS:
        done = section.key in first
        parts = [(one, others if done and one.planned else questions) for one in section.parts]
        title = section.rest if done and not others else ""
        exploration.append(report.section(section, parts, title=title, figures=figures))
    return Results(
        report.section(COMPLETENESS, [(one, questions) for one in COMPLETENESS.parts], figures=figures),
        tuple(section for section in planned if section),
        tuple(section for section in exploration if section),
    )


@dataclass(frozen=True)
class _Report:
    """What the sections are made of."""

    tables: Tables
    words: Mapping[str, tuple[str, ...]]
    questions: Mapping[str, str]

    def section(
        self,
        section: Section,
        parts: Sequence[tuple[Part, Mapping[str, str]]],
        *,
        key: str = "",
        title: str = "",
        figures: Sequence[str] = (),
    ) -> ShownSection | None:
        """A section with these parts, each of some questions; None where the report has nothing for it."""
        made = [shown_table(part, self.tables, questions) for part, questions in parts if questions]
        found = tuple(table for table in made if table is not None)
        drawn = _figures(section, figures, self.questions)
        if not found and not drawn:
            return None
        methods = self.words.get(section.methods, ())
        return ShownSection(key or section.key, title or section.title, section.about, found, drawn, methods)


def methods_by_heading(methods: str) -> dict[str, tuple[str, ...]]:
    """The paragraphs of methods.md under each of its headings; the marks of code are left out."""
    found = {}
    for block in methods.split("\n## ")[1:]:
        title, _, text = block.partition("\n")
        found[title.strip()] = tuple(one.replace("`", "") for one in text.strip().split("\n\n") if one.strip())
    return found


def _figures(section: Section, names: Sequence[str], questions: Mapping[str, str]) -> tuple[ShownFigure, ...]:
    slugs = {slug: key for key, slug in unique_slugs(natural_order(questions)).items()}
    found = []
    for start in section.figures:
        own = [name for name in names if name == start or name.startswith(f"{start}_")]
        for name in own:
            rest = name.removeprefix(start).removeprefix("_")
            found.append(ShownFigure(name, labels.caption(name)[0], questions.get(slugs.get(rest, ""), "")))
    return tuple(found)


def _auc_comparison(tables: Tables) -> list[Row]:
    """Differences of AUC beside the tests that they belong to."""
    tests = {(row["question"], row["analysis"]): row for row in tables.get("auc_tests", ())}
    return [{**tests.get((row["question"], row["analysis"]), {}), **row} for row in tables.get("auc_differences", ())]
