"""Instructions in Markdown as HTML: no raw HTML, no pictures, no links that run code."""

from __future__ import annotations

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_markdown = MarkdownIt("commonmark", {"html": False}).disable("image")


def markdown_html(text: str) -> SafeString:
    """Safe HTML of a Markdown text; HTML in it is shown as it was typed."""
    html: str = _markdown.render(text)
    return mark_safe(html)  # noqa: S308  # the renderer escapes everything that it does not know
