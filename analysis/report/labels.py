"""What tables, columns and figures of a report are called for people, wherever they are shown."""

from __future__ import annotations

ABSENT = "–"
# Name of a table -> heading and what it shows. Tables that are not named here have their name as heading.
TITLES: dict[str, tuple[str, str]] = {
    "per_reader": ("Each reader", "Means of both arms and of the paired differences, per reader."),
    "effect": ("Effect with cases as units", "Mean difference, second arm minus first, judged over cases."),
    "equivalence": ("Equivalence and non-inferiority", "The mean difference against the margin set beforehand."),
    "period_effect": ("Period and carry-over", "Effect of the period, and of the arm adjusted for it."),
    "ordinal": ("Ordinal mixed model", "Log odds ratios of a higher score; 'arm x label' is the study's question."),
    "ordinal_models": ("Ordinal mixed model: fits", "What was fitted, and the spread between cases."),
    "auc": ("AUC per arm and reader", "How well the scores separate true from false positives."),
    "auc_components": ("AUC: variance components", "Mean squares, covariances and variances."),
    "auc_tests": ("AUC: tests of the arms", "Obuchowski-Rockette; the headline is the one to report."),
    "auc_differences": ("AUC: differences of the arms", "Differences, second arm minus first."),
    "auc_treatments": ("AUC per arm", "Means over readers."),
    "auc_per_reader": ("AUC: difference of each reader", "Second arm minus first."),
    "auc_targets": ("AUC per target", "Means over readers; 'within targets' takes pairs of the same target only."),
    "auc_target_differences": ("AUC per target: differences of the arms", "Second arm minus first."),
    "points": ("Sensitivity and specificity", "At the score from which a reader calls the case positive."),
    "point_differences": ("Sensitivity and specificity: differences", "Second arm minus first, paired by case."),
    "agreement": ("Agreement of the readers", "Between readers in each arm, and within readers from repeats."),
    "time": ("Active seconds", "Quartiles per arm, period and reader."),
    "time_learning": ("Active seconds along the sequence", "Quartiles of all readers in blocks of positions."),
    "time_effect": ("Active seconds: ratios", "Below 1: faster in the second arm, later, or further on."),
    "wilcoxon": ("Wilcoxon signed-rank tests, as published", "Pairs counted as independent, which they are not."),
    "wilcoxon_exact": (
        "Wilcoxon signed-rank tests, exact",
        "The published tests without the normal approximation; pairs are still counted as independent.",
    ),
    "score_summary": ("Scores per target", "Mean, standard deviation (ddof 0), median and quartiles."),
    "score_counts": ("Counts of scores, as published", "How often each score was given."),
    "score_joint": ("Joint distribution of two questions", "How often both scores were given in one reading."),
    "score_joint_means": ("Means of two questions", "Of the readings with an answer to both."),
    "iou_published": ("IoU against the score, as published", "Least squares over readings; the p-value is too small."),
    "iou_rank": ("IoU against the score, by case", "Rank correlation with the readers' mean score."),
    "iou_rank_corrected": ("Chance-corrected IoU against the score", "Rank correlation with the readers' mean score."),
    "iou_ordinal": ("Ordinal model of the score on IoU", "Log odds ratios of a higher score per 0.1 of IoU."),
    "flow": ("Who rated what", "Cases rated, paired and lacking, per reader."),
    "missing_pairs": ("Excluded pairs", "Pairs that lack an arm."),
    "power": ("Power", "What was looked for is named in 'found'."),
    "components": ("What the power rests on", "Components of the pilot, or assumed ones."),
    "sensitivity": ("With and without what is incomplete", "The effect of several sets of readers and cases."),
}
#: Tables of differences between the arms; those of `RATIOS` hold odds ratios or ratios.
DIFFERENCES = frozenset(
    {
        "per_reader",
        "effect",
        "equivalence",
        "period_effect",
        "wilcoxon",
        "wilcoxon_exact",
        "sensitivity",
        "auc_differences",
        "auc_per_reader",
        "auc_target_differences",
        "point_differences",
    }
)
RATIOS = frozenset({"ordinal", "time_effect"})
#: Those whose columns other programs rely on get no further column.
FIXED = frozenset({"wilcoxon"})
# Start of a figure's name -> caption and the table with its numbers.
CAPTIONS: dict[str, tuple[str, str]] = {
    "flow": ("Cases, readings and pairs: who rated what, and what is in no pair.", "flow"),
    "forest": (
        "Effect of the arm per target (squares), per reader (discs) and over all (diamond), with 95% intervals.",
        "effect",
    ),
    "roc": (
        "ROC curves of the scores: each reader (grey), the readers' mean, and its point at the threshold (white mark).",
        "auc",
    ),
    "agreement": ("Agreement of the readers in each arm, with 95% intervals.", "agreement"),
    "scores": ("Scores per target, label and arm (Figure 6A).", "score_counts"),
    "counts": ("How often each score was given (Figure F.4).", "score_counts"),
    "joint": ("Both scores of each reading, with means (Figure F.3).", "score_joint"),
    "iou": ("IoU of each true positive against the scores, with the published lines (Figure 6B).", "iou_published"),
    "auc": ("AUC of each reader.", "auc"),
    "time": ("Active seconds by arm and period, and along the sequence.", "time"),
    "power": ("Power over the number of cases.", "power"),
}
# Name of a column -> its heading, where the name itself, without underscores, would not do.
COLUMNS: dict[str, str] = {
    "n": "N",
    "n_cases": "Cases",
    "n_pairs": "Pairs",
    "n_readers": "Readers",
    "n_readings": "Readings",
    "draws": "Draws of p",
    "sd_difference": "SD",
    "sd": "SD",
    "se": "SE",
    "se_robust": "Robust SE",
    "p_value": "p",
    "p_holm": "p, Holm",
    "p_bh": "p, Benjamini-Hochberg",
    "p_robust": "p, robust",
    "df_robust": "df, robust",
    "signed_rank_z": "Signed-rank z",
    "signed_rank_p": "Signed-rank p",
    "signed_rank_exact": "Signed-rank p, exact",
    "n_clusters": "Clusters",
    "cluster_p": "p, clusters",
    "cluster_p_holm": "p, clusters, Holm",
    "n_nonzero": "Pairs that differ",
    "lr_chi2": "Likelihood ratio chi²",
    "lr_p": "Likelihood ratio p",
    "random_chi2": "No spread: chi²",
    "random_p": "No spread: p",
    "p_above_lower": "p, above −margin",
    "p_below_upper": "p, below +margin",
    "p_equivalence": "p, equivalence",
    "mean_first_arm": "Mean, first arm",
    "mean_second_arm": "Mean, second arm",
    "shift": "Shift",
    "reader_correlation": "Correlation of readers",
    "rank_biserial": "Rank-biserial",
    "period_effect": "Later − earlier period",
    "arm_effect": "Arm, adjusted for period",
    "carry_over": "Carry-over",
    "odds_ratio": "Odds ratio",
    "estimate": "Estimate",
    "auc": "AUC",
    "df": "df",
    "df1": "df 1",
    "df2": "df 2",
    "icc": "ICC",
    "sd_case": "SD between cases",
    "sd_case_se": "its SE",
    "q1": "Lower quartile",
    "q3": "Upper quartile",
    "iou": "IoU",
    "spearman": "Spearman",
    "kendall": "Kendall tau-b",
    "statistic": "Statistic",
    "figure": "Measure",
    "value": "Score",
    "second_value": "Second score",
    "second_mean": "Mean, second question",
    "mean": "Mean",
    "only_first_arm": "Right in first arm only",
    "only_second_arm": "Right in second arm only",
    "cases_with": "TP cases",
    "cases_without": "FP cases",
    "r": "r",
    "z": "z",
}
# First column of an interval -> its last column and the heading of both as one.
INTERVALS: dict[str, tuple[str, str]] = {
    "ci_low": ("ci_high", "95% interval"),
    "shift_low": ("shift_high", "Shift, 95% interval"),
    "case_reader_low": ("case_reader_high", "Cases and readers, 95% interval"),
    "rank_biserial_low": ("rank_biserial_high", "Rank-biserial, 95% interval"),
    "first_arm_low": ("first_arm_high", "First arm, 95% interval"),
    "second_arm_low": ("second_arm_high", "Second arm, 95% interval"),
    "low_90": ("high_90", "90% interval"),
    "period_low": ("period_high", "Period, 95% interval"),
    "arm_low": ("arm_high", "Arm, 95% interval"),
    "carry_over_low": ("carry_over_high", "Carry-over, 95% interval"),
    "or_low": ("or_high", "Odds ratio, 95% interval"),
    "cluster_low": ("cluster_high", "Clusters, 95% interval"),
    "p_mc_low": ("p_mc_high", "p, 99% interval of its draws"),
}


def heading(table: str) -> str:
    """The heading of a table."""
    return TITLES[table][0] if table in TITLES else table.replace("_", " ").capitalize()


def explained(table: str) -> str:
    """What a table shows; empty where nobody has said."""
    return TITLES[table][1] if table in TITLES else ""


def convention(table: str, contrast: str | None) -> str:
    """The sign of a table's differences in words, of a contrast such as "B - A"; empty where it has none."""
    if not contrast or table not in DIFFERENCES | RATIOS:
        return ""
    if table in RATIOS:
        return f"Ratios are of the second arm to the first ({contrast} in logarithms)."
    return f"Differences are second arm minus first: {contrast}."


def column(name: str) -> str:
    """The heading of a column."""
    return COLUMNS.get(name) or name.replace("_", " ").capitalize()


def caption(figure: str) -> tuple[str, str]:
    """What a figure shows, and the table with its numbers."""
    start = figure.split("_", 1)[0]
    return CAPTIONS.get(start, (figure.replace("_", " ").capitalize() + ".", ""))
