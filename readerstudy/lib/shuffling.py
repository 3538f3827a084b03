"""Orders that look like chance to everybody without the key, and that everybody who has the key can make again.

The whole derivation is here (docs/decisions/0013-the-allocation-key.md says it in words): items stand in the order of
their HMAC-SHA256 under the key. No generator of random numbers is in it, so no version of a language changes the order.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
KEY_BYTES = 32


def keyed_digest(key: bytes, purpose: str, name: object) -> bytes:
    """HMAC-SHA256 of `purpose:name`, 32 bytes. Purposes have no colon, so that no two of them share a text."""
    return hmac.digest(key, f"{purpose}:{name}".encode(), "sha256")


def shuffled(
    items: Iterable[Item], *, key: bytes, purpose: str, name: Callable[[Item], object] = lambda item: item
) -> list[Item]:
    """The items in an order that key and purpose decide, whatever order they come in; `name` tells them apart."""
    return sorted(items, key=lambda item: keyed_digest(key, purpose, name(item)))
