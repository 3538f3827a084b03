"""Numbers as the results page prints them; a dash for what is absent, a plain hyphen for minus so that they copy."""

ABSENT = "–"
ALL = "all"


def text(value: str | None) -> str:
    """A name."""
    return value or ABSENT


def target(value: str | None) -> str:
    """A target's name, or all of them."""
    return "all targets" if value == ALL else text(value)


def whole(value: float | None) -> str:
    """A count."""
    return ABSENT if value is None else str(int(value))


def fixed(value: float | None, digits: int = 4) -> str:
    """A number with so many decimals."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def fixed3(value: float | None) -> str:
    """A mean score, an AUC, a standard error."""
    return fixed(value, 3)


def signed(value: float | None, digits: int = 4) -> str:
    """A difference or coefficient, with its sign."""
    if value is None:
        return ABSENT
    rounded = round(value, digits) + 0.0  # no "-0.0000"
    return f"{rounded:+.{digits}f}" if rounded else f"{rounded:.{digits}f}"


def signed3(value: float | None) -> str:
    """A coefficient of correlation or agreement."""
    return signed(value, 3)


def rank_sum(value: float | None) -> str:
    """A sum of ranks, which goes in halves."""
    return fixed(value, 1)


def p_value(value: float | None) -> str:
    """Four significant digits; three and an exponent below 0.0001."""
    return ABSENT if value is None else f"{value:#.4g}" if value >= 1e-4 else f"{value:.2e}"


def interval(low: float | None, high: float | None) -> str:
    """An interval of a signed quantity, low to high."""
    return ABSENT if low is None or high is None else f"{signed(low, 3)} to {signed(high, 3)}"
