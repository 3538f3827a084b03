"""Cells as people read them; a dash for what is absent, a plain hyphen for minus so that they copy."""

from typing import Any

ABSENT = "–"
ALL = "all"
_SMALLEST_P = 0.001
#: Columns of quantities that have a sign, such as differences, coefficients and log odds ratios.
SIGNED = {
    "mean_difference",
    "difference",
    "period_effect",
    "arm_effect",
    "carry_over",
    "shift",
    "reader_correlation",
    "rank_biserial",
    "spearman",
    "kendall",
    "slope",
    "intercept",
    "r",
    "z",
    "signed_rank_z",
}
#: Decimals of measured columns, which have them even where they are whole.
DECIMALS = {
    **dict.fromkeys(("mean", "mean_first_arm", "mean_second_arm", "second_mean", "sd", "sd_difference", "auc"), 4),
    **dict.fromkeys(("se", "se_robust", "sd_case", "sd_case_se", "icc"), 4),
    **dict.fromkeys(("odds_ratio", "ratio"), 3),
    **dict.fromkeys(("df", "df2", "df_robust", "q1", "q3", "median", "geometric_mean"), 2),
}
#: Intervals of quantities that have no sign.
UNSIGNED_INTERVALS = {"or_low", "first_arm_low", "second_arm_low"}
#: Tables whose estimates have no sign: shares, areas, ratios.
UNSIGNED_TABLES = {"points", "auc_treatments", "auc_targets", "auc", "time_effect", "auc_components"}


def cell(name: str, value: Any, *, table: str = "") -> str:
    """A value of a report's column as text."""
    if value is None or value == "":
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _name(name, value)
    if is_p(name):
        return p_value(value)
    if name in SIGNED or (name == "estimate" and table not in UNSIGNED_TABLES):
        return signed(value)
    if name in DECIMALS:
        return fixed(value, DECIMALS[name])
    if name == "estimate":
        return fixed(value, 4)
    return _plain(value)


def is_p(name: str) -> bool:
    """Whether a column holds p-values."""
    return name.startswith(("p_", "cluster_p")) or name in {"lr_p", "random_p", "signed_rank_p", "signed_rank_exact"}


def interval(name: str, low: float | None, high: float | None, *, table: str = "") -> str:
    """An interval that begins in the column `name`, low to high."""
    if low is None or high is None:
        return ABSENT
    if is_p(name):
        return f"{p_value(low)} to {p_value(high)}"
    plain = name in UNSIGNED_INTERVALS or (name == "ci_low" and table in UNSIGNED_TABLES)
    return f"{fixed(low)} to {fixed(high)}" if plain else f"{signed(low, 3)} to {signed(high, 3)}"


def fixed(value: float | None, digits: int = 3) -> str:
    """A number with so many decimals."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """A difference or coefficient, with its sign."""
    if value is None:
        return ABSENT
    rounded = round(value, digits) + 0.0  # no "-0.0000"
    return f"{rounded:+.{digits}f}" if rounded else f"{rounded:.{digits}f}"


def p_value(value: float | None) -> str:
    """Four significant digits; three and an exponent below 0.0001."""
    return ABSENT if value is None else f"{value:#.4g}" if value >= 1e-4 else f"{value:.2e}"


def p_words(value: float) -> str:
    """A p-value in a sentence."""
    return "p < .001" if value < _SMALLEST_P else f"p = {value:.3f}".replace("0.", ".", 1)


def _name(column: str, value: str) -> str:
    if value != ALL:
        return value
    return {"target": "all targets", "reader": "all readers", "arm": "all arms", "readers": "all readers"}.get(
        column, value
    )


def _plain(value: float) -> str:
    if float(value).is_integer() and abs(value) < 1e9:
        return str(int(value))
    return f"{value:.4f}".rstrip("0") if 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"
