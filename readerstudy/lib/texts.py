"""Text from outside: what no database column can hold, found before it is stored."""

_SURROGATES = ("\ud800", "\udfff")


def unstorable(text: str) -> str:
    """What in a text cannot be stored, in words; "" where nothing.

    PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair, which JSON and damaged files can hold.
    """
    if "\0" in text:
        return "the character NUL"
    if any(_SURROGATES[0] <= character <= _SURROGATES[1] for character in text):
        return "half a character (a lone surrogate)"
    return ""
