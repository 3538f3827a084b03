"""Whether scores drift from one period to the next, and whether the first arm carries over to the second."""

from analysis.sections.columns import CONTRAST, LABEL, N_PAIRS, QUESTION
from analysis.sections.section import Column, Interval, Kind, Part, Provenance, Reading, Section, Table

PERIOD_EFFECT = Table(
    "period_effect",
    "Period and carry-over",
    "Effect of the period, and of the arm adjusted for it.",
    (
        QUESTION,
        LABEL,
        N_PAIRS,
        Column("period_effect", "Later − earlier period", Kind.FIXED, signed=True),
        Interval("period_low", "period_high", "Period, 95% interval", of="period_effect"),
        Column("arm_effect", "Arm, adjusted for period", Kind.FIXED, signed=True),
        Interval("arm_low", "arm_high", "Arm, 95% interval", of="arm_effect"),
        Column("carry_over", "Carry-over", Kind.FIXED, signed=True),
        Interval("carry_over_low", "carry_over_high", "Carry-over, 95% interval", of="carry_over"),
    ),
    Reading.DIFFERENCE,
    optional=(CONTRAST,),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"]["effect"]
    return (
        (
            f"Period effect (`period_effect`): {options['period']}; carry-over: {options['carry_over']}. Intervals are "
            "percentile bootstraps of cases, as of the effect."
        ),
    )


SECTION = Section("period", "Period and carry-over", (Part(PERIOD_EFFECT),), _words)
