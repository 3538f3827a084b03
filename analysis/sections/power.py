"""Power of a planned study: from the components of a pilot, or by simulation from the model of a pilot."""

from analysis.sections.columns import ANALYSIS, MEAN_DIFFERENCE, NOTE, interval
from analysis.sections.section import Column, Figure, Kind, Part, Provenance, Section, Table

_READERS = Column("readers", "Readers", Kind.COUNT)
_CASES = Column("cases", "Cases", Kind.COUNT)
_POWER = Column("power", "Power", Kind.FIXED)
POWER = Table(
    "power",
    "Power",
    "What was looked for is named in 'found'.",
    (ANALYSIS, _READERS, _CASES, _POWER, Column("found", "Found"), NOTE),
)
COMPONENTS = Table(
    "components",
    "What the power rests on",
    "Components of the pilot, or assumed ones.",
    (Column("component", "Component"), Column("value", "Value", Kind.NUMBER)),
)
SIMULATED_POWER = Table(
    "power",
    "Power, by simulation",
    "The share of simulated studies whose test succeeds.",
    (
        Column("endpoint", "Endpoint"),
        Column("method", "Method"),
        _READERS,
        _CASES,
        Column("odds_ratio", "Odds ratio", Kind.FIXED, decimals=3),
        MEAN_DIFFERENCE,
        _POWER,
        interval("power", signed=False),
        Column("studies", "Studies", Kind.COUNT),
        Column("failed", "Without a test", Kind.COUNT),
    ),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    plan, components = provenance["options"]["power"], provenance["components"]
    test = (
        f"a two-sided test at alpha {plan['alpha']:g}"
        if plan["margin"] is None
        else f"a one-sided test of non-inferiority at alpha {plan['alpha'] / 2:g} with margin {plan['margin']:g}"
    )
    return (
        (
            "Power of the comparison of two treatments' mean AUC by Obuchowski and Rockette, as in Hillis, Obuchowski "
            f"and Berbaum 2011, for {test}. RRRC generalises to other readers and cases, FRRC to other cases read by "
            "these readers, RRFC to other readers of these cases. Every reader reads every case with both treatments, "
            "and as large a share of the cases has the condition as in the pilot."
        ),
        (
            f"Components of a pilot of {components['cases']} cases: "
            + ", ".join(f"{name} {value:.8g}" for name, value in components.items() if name != "cases")
            + f". Where readers or cases are looked for, the power asked for is {plan['target']:g}."
        ),
    )


def _simulated_words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"]["power"]
    return (
        (
            f"Power by simulation: {options['studies']} studies are drawn for each number of readers and cases from "
            "the cumulative-link mixed model of the pilot (score ~ arm * label + period + reader, random intercept per "
            "case), with new cases and with readers drawn from the pilot's. Each study is tested at alpha "
            f"{options['alpha']:g}, two-sided: {options['test']}. Seed {options['seed']}. Intervals are Wilson's for "
            "the number of studies."
        ),
    )


SECTION = Section(
    "power",
    "Power",
    (Part(POWER), Part(COMPONENTS)),
    _words,
    figures=(Figure("power", "Power over the number of cases.", POWER),),
)
SIMULATED = Section("power", "Power by simulation", (Part(SIMULATED_POWER),), _simulated_words)
