"""What the browser makes of every reply is what docs/answers.md says, and what the server sends is in that table."""

from __future__ import annotations

import re
from pathlib import Path

from readerstudy.reading.views.answers import STATUS_OF

DOCS = Path(__file__).resolve().parents[2] / "docs" / "answers.md"
STATUSES = range(200, 600)
VERDICTS = """
    const { verdictOf } = await import("./outbox/replies.js");
    return [given.map(verdictOf), verdictOf({ status: 0, ours: false, redirected: true })];
"""


def documented() -> dict[tuple[int, bool], str]:
    """(status, ours) -> verdict, of the table in the docs."""
    lines = re.findall(r"(?m)^\| ([^|]+) \| ([a-z ]*) \| ([a-z ]+) \|", DOCS.read_text())
    found: dict[tuple[int, bool], str] = {}
    rest: dict[bool, str] = {}
    for named, ours, other in lines:
        numbers = [int(number) for number in re.findall(r"\b\d{3}\b", named)]
        statuses = range(numbers[0], numbers[1] + 1) if "-" in named and numbers else numbers
        for mine, verdict in ((True, ours), (False, other)):
            if named.startswith("other"):
                rest[mine] = verdict.strip()
            found |= {(status, mine): verdict.strip() for status in statuses}
    for status in STATUSES:
        if 300 <= status < 400:
            continue  # a redirect: the browser sees no status of it
        for mine in (True, False):
            found.setdefault((status, mine), rest[mine])
    return found


def test_every_status_is_taken_as_the_docs_say(evaluate):
    table = documented()
    assert len(table) == 2 * 300
    cases = [{"status": status, "ours": ours} for status, ours in table]
    verdicts = evaluate(VERDICTS, cases)
    assert dict(zip(table, verdicts[0], strict=True)) == table
    assert verdicts[1] == "sign in"
    # Every refusal of the server's is one of the table's, and 400 and 403 are all that can end an answer for good.
    ends = {status for status in STATUS_OF.values() if table[status, True] == "refused"}
    assert ends == {400, 403, 404}
    assert {table[status, True] for status in STATUS_OF.values()} == {"refused", "new id", "say why"}
