"""Progress on a terminal and elsewhere."""

import io

from readerstudy.lib.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_there_is_a_line_at_each_tenth() -> None:
    stream = io.StringIO()
    with Progress("Scoring", 200, stream=stream) as progress:
        for _ in range(200):
            progress.advance()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "Scoring: 20/200 (10%)"
    assert lines[-1] == "Scoring: 200/200 (100%)"


def test_few_items_are_not_reported_more_than_once_each() -> None:
    stream = io.StringIO()
    with Progress("Explaining", 3, stream=stream) as progress:
        for _ in "abc":
            progress.advance()
    assert stream.getvalue().splitlines() == [
        "Explaining: 1/3 (33%)",
        "Explaining: 2/3 (66%)",
        "Explaining: 3/3 (100%)",
    ]


def test_on_a_terminal_there_is_a_bar() -> None:
    stream = Terminal()
    with Progress("Explaining", 4, unit="cases", stream=stream) as progress:
        progress.move_to(2)
        progress.advance(2)
    assert "Explaining: 100%" in stream.getvalue()
    assert "4/4" in stream.getvalue()


def test_nothing_to_do_is_no_error() -> None:
    stream = io.StringIO()
    with Progress("Scoring", 0, stream=stream):
        pass
    assert stream.getvalue() == ""
