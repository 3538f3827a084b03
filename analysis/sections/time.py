"""How long readers took, and how that changes with the arm and along the sequence."""

from analysis.sections.columns import ARM, CONTRAST, N_CASES, READER, N, interval
from analysis.sections.section import Column, Figure, Kind, Part, Provenance, Reading, Section, Table

_PERIOD = Column("period", "Period", Kind.COUNT)
_SUMMARY = (
    Column("n_readings", "Readings", Kind.COUNT),
    Column("median", "Median", Kind.FIXED, decimals=2),
    Column("q1", "Lower quartile", Kind.FIXED, decimals=2),
    Column("q3", "Upper quartile", Kind.FIXED, decimals=2),
    Column("geometric_mean", "Geometric mean", Kind.FIXED, decimals=2),
)
TIME = Table("time", "Active seconds", "Quartiles per arm, period and reader.", (READER, ARM, _PERIOD, *_SUMMARY))
TIME_LEARNING = Table(
    "time_learning",
    "Active seconds along the sequence",
    "Quartiles of all readers in blocks of positions.",
    (
        _PERIOD,
        Column("first_position", "First position", Kind.COUNT),
        Column("last_position", "Last position", Kind.COUNT),
        *_SUMMARY,
    ),
)
TIME_EFFECT = Table(
    "time_effect",
    "Active seconds: ratios",
    "Below 1: faster in the second arm, later, or further on.",
    (
        Column("effect", "Effect"),
        N,
        N_CASES,
        Column("ratio", "Ratio", Kind.FIXED, decimals=3),
        interval("ratio", signed=False),
    ),
    Reading.RATIO,
    optional=(CONTRAST,),
)


def _words(provenance: Provenance) -> tuple[str, ...]:
    options = provenance["options"]["time"]
    return (
        (
            f"Seconds (`time`, `time_learning`): {options['seconds']}. Effects (`time_effect`): arm, {options['arm']}; "
            f"adjusted for period, {options['arm_adjusted']}; period, {options['period']}; learning, "
            f"{options['learning']}. Interval: {options['interval']}."
        ),
    )


SECTION = Section(
    "time",
    "Time and learning",
    (Part(TIME_EFFECT, planned=True), Part(TIME), Part(TIME_LEARNING)),
    _words,
    figures=(Figure("time", "Active seconds by arm and period, and along the sequence.", TIME),),
)
