"""How answers are written into a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def json_text(content: Mapping[str, Any] | None) -> str:
    """The content as JSON for an attribute, empty where there is none; the template escapes it."""
    return "" if content is None else json.dumps(content)
