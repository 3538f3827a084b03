"""What is drawn from a study's key, by name: the numbers of its cases and the codes of its arms. Pure: no database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from readerstudy.lib.shuffling import keyed_digest

NUMBERS, ARM_CODES = "case number", "arm code"
# Codes of arms for who is blind to them, in the order in which they are taken.
CODES = "XYZWVUTSRQPONMLKJIHGFEDCBA"


def case_name(image_sha256: str, target: str) -> str:
    """What a case is called where its number is drawn: the same on every database."""
    return f"{image_sha256}/{target}"


def arm_mask(key: bytes, arm_key: str) -> uuid.UUID:
    """The mark of an arm whose rank gives its code for who is blind."""
    return uuid.UUID(bytes=keyed_digest(key, ARM_CODES, arm_key)[:16])


def arm_codes(masks: Mapping[str, uuid.UUID]) -> dict[str, str]:
    """Code -> key of the arm, in the order of the codes, which are letters that no arm has as its key."""
    arms = sorted(masks, key=lambda arm: masks[arm])
    taken = {arm.upper() for arm in arms}
    codes = sorted([code for code in CODES if code not in taken][: len(arms)])
    return dict(zip(codes, arms, strict=True))
