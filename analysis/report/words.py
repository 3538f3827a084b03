"""methods.md: what was done to the data, every option in words, from the provenance of the report."""

from typing import Any


def methods_text(provenance: dict[str, Any], messages: list[str]) -> str:
    """Write the methods section of the report with this provenance."""
    parts = ["# Methods", "## Data", _data(provenance), *_selected(provenance)]
    parts += ["## Comparison of the arms (as published)"]
    parts += _comparison(provenance)
    parts += ["## Effect with cases as units", *_effect(provenance)]
    parts += ["## Ordinal mixed model", *_ordinal(provenance["options"]["ordinal"])]
    parts += ["## Overlap with the expert mask", *_overlap(provenance)]
    parts += ["## Accuracy of the readers per arm", *_accuracy(provenance)]
    parts += ["## Agreement of the readers", _agreement(provenance["options"]["agreement"])]
    parts += ["## Time", _time(provenance["options"]["time"])]
    parts += ["## Missing readings", _missing(provenance["options"]["missing"])]
    parts += ["## P-values of draws", _drawn(provenance["options"]["drawn_p"])]
    parts += ["## Software", ", ".join(f"{name} {version}" for name, version in provenance["software"].items()) + "."]
    if messages:
        parts += ["## Notes on these data", "\n".join(f"- {message}" for message in messages)]
    return "\n\n".join(parts) + "\n"


def mrmc_methods_text(provenance: dict[str, Any], messages: list[str]) -> str:
    """Write the methods section of an MRMC analysis with this provenance."""
    data = provenance["data"]
    parts = [
        "# Methods",
        "## Data",
        (
            f"Ratings of {data['readers']} readers on {data['cases']} cases ({data['cases_with']} with and "
            f"{data['cases_without']} without the condition) with the treatments {_list(provenance['treatments'])}. "
            f"SHA-256 of the ratings: `{data['sha256']}`."
        ),
        "## Comparison of AUC",
        *mrmc_paragraphs(provenance["options"]["mrmc"]),
        *([_points(provenance["options"]["points"])] if "points" in provenance["options"] else []),
        "## Software",
        ", ".join(f"{name} {version}" for name, version in provenance["software"].items()) + ".",
    ]
    if messages:
        parts += ["## Notes on these data", "\n".join(f"- {message}" for message in messages)]
    return "\n\n".join(parts) + "\n"


def mrmc_paragraphs(options: dict[str, Any]) -> list[str]:
    """Describe the Obuchowski-Rockette analysis with these options."""
    return [
        (
            f"The area under the ROC curve is {options['auc']}. Areas are compared by the method of Obuchowski and "
            f"Rockette with degrees of freedom of Hillis; covariances over cases by {options['covariance']}. Three "
            "analyses generalise to other readers and cases (RRRC), to other cases read by these readers (FRRC), and "
            f"to other readers of these cases (RRFC). Differences are {options['difference']}; intervals are "
            f"{options['level']:.0%} intervals; {options['one_reader']}. {options['incomplete'].capitalize()}."
        ),
        f"Headline: {options['headline']}. Within targets, AUC is {options['within_targets']}.",
    ]


def _data(provenance: dict[str, Any]) -> str:
    data = provenance["data"]
    plan = ""
    if provenance["plan"] is not None:
        plan = f" Analysis plan {provenance['plan']['file']}, SHA-256 `{provenance['plan']['sha256']}`."
    of_study = f" of study {data['study']}" if data["study"] else ""
    return (
        f"{data['responses']} responses of {data['readers']} readers on {data['cases']} cases{of_study}. "
        f"Questions: {_list(data['questions'])}. Targets: {_list(data['targets'])}. Arms: {_list(provenance['arms'])}. "
        f"SHA-256 of the data ({data['sha256_of']}): `{data['sha256']}`.{plan}"
    )


def _selected(provenance: dict[str, Any]) -> list[str]:
    """A report of part of the data says so."""
    selection = provenance["selection"]
    if selection is None:
        return []
    kept = "; ".join(f"{name}: {_list([str(value) for value in values])}" for name, values in selection.items())
    return [
        (
            f"Exploration: filtered to part of the responses ({kept}). These are not the results of the planned "
            "analysis; no p-value is adjusted for the choice."
        )
    ]


def _comparison(provenance: dict[str, Any]) -> list[str]:
    options, contrast = provenance["options"]["wilcoxon"], provenance["contrast"]
    differences = (
        f"Differences are {contrast} within pairs of the same reader, case and question."
        if contrast
        else "Fewer than two arms are present, so that no difference is computed."
    )
    pairs = (
        f"{differences} A pair that lacks one of the arms is excluded and listed in `missing_pairs`; where a reader "
        "saw a case more than once in an arm, the earliest reading counts."
    )
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
    exact = provenance["options"]["wilcoxon_exact"]
    beside = f"Beside it (`wilcoxon_exact`): {exact['test']}; {exact['caveat']}."
    limits = (
        "Answers of several readers on one case are not independent, so that the pooled test rejects too often; "
        f"`per_reader` shows each reader ({options['per_reader']}), and `effect` takes cases as the independent units."
    )
    return [pairs, test, beside, limits]


def _accuracy(provenance: dict[str, Any]) -> list[str]:
    intro = "The score is taken as a rating that should separate true from false positives, per question (`auc`)."
    return [intro, *mrmc_paragraphs(provenance["options"]["auc"]), _points(provenance["options"]["points"])]


def _points(options: dict[str, Any]) -> str:
    threshold = options["default_threshold"] if options["threshold"] is None else f"{options['threshold']:g}"
    scales = options.get("scales") or {}
    if scales:
        threshold += f" (scales: {', '.join(f'{name} {low:g} to {high:g}' for name, (low, high) in scales.items())})"
    return (
        f"Sensitivity and specificity (`points`, `point_differences`): {options['call']}; threshold: {threshold}. One "
        f"reader: {options['one_reader']}. All readers: {options['all_readers']}."
    )


def _time(options: dict[str, Any]) -> str:
    return (
        f"Seconds (`time`, `time_learning`): {options['seconds']}. Effects (`time_effect`): arm, {options['arm']}; "
        f"adjusted for period, {options['arm_adjusted']}; period, {options['period']}; learning, "
        f"{options['learning']}. Interval: {options['interval']}."
    )


def _agreement(options: dict[str, str]) -> str:
    return (
        f"Per question and arm (`agreement`): {options['kappa']}; {options['icc']}; {options['alpha']}. Within a "
        f"reader: the same of {options['within']}. Intervals: {options['interval']}."
    )


def _effect(provenance: dict[str, Any]) -> list[str]:
    options, margin = provenance["options"]["effect"], provenance["options"]["margin"]
    effect = (
        f"The effect (`effect`) is the {options['estimand']}. Interval: {options['interval']}. P-value: "
        f"{options['p_value']}. Adjusted by {provenance['options']['adjustment']} over {options['family']}. Shift: "
        f"{options['shift']}. Over cases and readers: {options['case_reader_interval']}. Ranks: "
        f"{options['signed_rank']}; {options['rank_biserial']}. Period effect (`period_effect`): {options['period']}; "
        f"carry-over: {options['carry_over']}. `reader_correlation` is the mean correlation between readers of "
        f"their differences on the same cases. Intervals take {provenance['options']['draws']} draws each, seed "
        f"{provenance['seed']}."
    )
    tost = (
        f"Equivalence (`equivalence`) with a margin of {margin:g} points: {options['equivalence']}. The second arm is "
        "not worse where it scores true positives not lower, and false positives not higher, by the margin."
        if margin is not None
        else "No margin was given, so that equivalence and non-inferiority are not tested."
    )
    clusters = provenance["options"]["clusters"]
    together = f"Clusters: {clusters['cluster']}; {clusters['effect']}; {clusters['auc']}."
    return [effect, together, tost]


def _ordinal(options: dict[str, Any]) -> list[str]:
    return [
        (
            f"Per question (`ordinal`, `ordinal_models`): {options['model']}. Model with order: "
            f"{options['with_order']}. Terms: {options['terms']}."
        ),
        (
            f"The random intercept is integrated by {options['integration']}. Standard errors are "
            f"{options['standard_errors']}; {options['robust']}. Likelihood ratio {options['likelihood_ratio']}. "
            f"Random intercept: {options['random_test']}."
        ),
    ]


def _drawn(options: dict[str, str]) -> str:
    return (
        f"Where a p-value needs draws it is {options['p_value']}. Monte Carlo interval: {options['interval']}. Draws: "
        f"{options['draws']}."
    )


def _missing(options: dict[str, str]) -> str:
    return f"Flow (`flow`): {options['flow']}. Sensitivity (`sensitivity`): {options['sensitivity']}."


def _overlap(provenance: dict[str, Any]) -> list[str]:
    options = provenance["options"]
    published, rank = options["iou_published"], options["iou_rank"]
    line = f"As published: {published['model']} (`iou_published`). Its limits: {published['caveat']}."
    order = (
        f"Beside it: {rank['model']} (`iou_rank`). For all targets together: {rank['all']}. Interval: "
        f"{rank['interval']}. P-value: {rank['p_value']}. {options['draws']} draws each to begin with, seed "
        f"{provenance['seed']}."
    )
    chance = options["iou_chance"]
    corrected = (
        f"Corrected for chance (`iou_rank_corrected`): {chance['corrected']}, where expected is the "
        f"{chance['expected']}; areas come from the {chance['areas']}; {chance['assumption']}. Ordinal model "
        f"(`iou_ordinal`): {options['ordinal']['iou']}. {rank['kendall']}."
    )
    return [line, order, corrected]


def _list(names: list[str]) -> str:
    return ", ".join(names) if names else "none"
