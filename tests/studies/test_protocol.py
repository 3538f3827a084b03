"""The protocol file: what is read, and how mistakes in it are named."""

import re
from pathlib import Path

import pytest

from readerstudy.studies.models import Question
from readerstudy.studies.protocol import PROTOCOLS_DIR, ProtocolError, load_protocol, protocol_parse
from tests.factories import PAPER

TEXT = PAPER.read_text()


def test_the_published_design_is_240_cases_of_six_targets_in_two_arms():
    protocol = load_protocol(PAPER)

    assert len(protocol.targets) * 2 * protocol.cases_per_cell == 240
    assert [arm.key for arm in protocol.arms] == ["A", "B"]
    assert protocol.arms[0].methods == ("input_gradient", "guided_backprop", "integrated_gradients")
    assert protocol.arms[1].methods == ("latent_shift",)
    assert [question.text for question in protocol.questions] == [
        "How confident are you in the model's prediction?",
        "Is the model looking at the correct feature?",
    ]
    assert (protocol.classifier, protocol.autoencoder) == ("xrv-all", "xrv-resnet101-elastic")


@pytest.mark.parametrize(("name", "cases"), [("demo-phantoms", 24), ("demo-nih", 40)])
def test_the_demonstrations_are_valid(name: str, cases: int):
    protocol = load_protocol(PROTOCOLS_DIR / f"{name}.toml")

    assert len(protocol.targets) * 2 * protocol.cases_per_cell == cases
    assert protocol.slug == name


def line_of(text: str, part: str) -> int:
    return 1 + next(number for number, line in enumerate(text.splitlines()) if part in line)


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("cases_per_cell = 20", "cases_per_cell = 3", "must be even"),
        ("cases_per_cell = 20", "cases_per_cell = true", "must be a whole number"),
        ('["latent_shift"]', '["latent"]', "is no method"),
        ("threshold = 0.5", "treshold = 0.5", "is not known"),
        ("threshold = 0.5", "threshold = 1.5", "between 0 and 1"),
        ('slug = "latent-shift"', 'slug = "latent shift/"', "letters, digits"),
        ('"Mass", "Pneumothorax"', '"Mass", "Mass"', "twice"),
        ("washout_days = 14", 'washout_days = "14"', "must be a whole number"),
    ],
)
def test_a_mistake_is_named_with_key_and_line(good: str, bad: str, says: str):
    text = TEXT.replace(good, bad)
    key = bad.partition(" = ")[0] if " = " in bad else "methods" if "latent" in bad else "targets"

    with pytest.raises(ProtocolError) as caught:
        protocol_parse(text, source="mine.toml")

    assert says in str(caught.value)
    assert key in str(caught.value)
    assert f"mine.toml, line {line_of(text, bad)}:" in str(caught.value)


QUESTIONS = TEXT.split("[[questions]]")[0]


def with_question(body: str) -> str:
    """The paper's protocol with its first question, and this one."""
    first = TEXT.split("[[questions]]")[1]
    return f'{QUESTIONS}[[questions]]{first}\n[[questions]]\nkey = "other"\ntext = "And?"\n{body}\n'


def test_the_example_of_all_kinds_of_questions_is_valid():
    protocol = load_protocol(PAPER.with_name("questions.toml"))

    assert {question.kind for question in protocol.questions} == set(Question.Kind.values)
    assert protocol.changes == "by_request"
    assert protocol.questions[-1].key == "comment"
    assert not protocol.questions[-1].required


def test_a_question_is_a_required_scale_of_five_points_unless_it_says_otherwise():
    question = protocol_parse(with_question("")).questions[-1]

    assert (question.kind, question.required, question.minimum, question.maximum) == ("likert", True, 1, 5)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('kind = "slider"', "must be one of: likert, yes_no, choice, text, location"),
        ('kind = "choice"', "`questions.options` is missing"),
        ('kind = "choice"\noptions = ["only one"]', "2 to 9"),
        ('kind = "choice"\noptions = ["a", "b", "a"]', "twice"),
        ('kind = "location"\nshape = "circle"', "must be one of: point, box"),
        ('kind = "yes_no"\nmaximum = 3', "`questions.maximum` is not known"),
        ('kind = "text"\nlow = "never"', "`questions.low` is not known"),
        ('options = ["a", "b"]', "`questions.options` is not known"),
        ("maximum = 2", "makes a scale of 2 points; 3 to 10"),
        ("maximum = 11", "makes a scale of 11 points; 3 to 10"),
        ('required = "no"', "must be true or false"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_its_line(body: str, says: str):
    text = with_question(body)

    with pytest.raises(ProtocolError, match=re.escape(says)) as caught:
        protocol_parse(text, source="mine.toml")

    lines = {
        number for number, line in enumerate(text.splitlines(), start=1) if line in body or "[[questions]]" in line
    }
    assert int(re.search(r"line (\d+)", str(caught.value))[1]) in lines


def test_a_study_whose_questions_may_all_stay_open_is_refused():
    text = TEXT.replace('text = "', 'required = false\ntext = "')
    with pytest.raises(ProtocolError, match="are all optional"):
        protocol_parse(text)


@pytest.mark.parametrize(("line", "says"), [('changes = "never"', "until_submit"), ("comment = 1", "true or false")])
def test_policy_and_comment_of_a_study_are_checked(line: str, says: str):
    with pytest.raises(ProtocolError, match=says):
        protocol_parse(TEXT.replace("washout_days", f"{line}\nwashout_days"))


def test_the_second_table_of_a_kind_gets_its_own_line():
    before, after = TEXT.rsplit("maximum = 5", 1)
    text = f"{before}maximum = 1{after}"

    with pytest.raises(ProtocolError, match=rf"line {line_of(text, 'maximum = 1')}:.*above minimum"):
        protocol_parse(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "`study` is missing"),
        (TEXT.replace('key = "B"', 'key = "A"'), "same key twice"),
        (TEXT.split("[[questions]]")[0], "`questions` is missing"),
        (TEXT.split("[[arms]]")[0], "exactly 2"),
        (TEXT.replace("seed = ", "# seed = "), "`study.seed` is missing"),
        ("[study", "not valid TOML"),
    ],
)
def test_what_is_missing_or_double_is_said(text: str, says: str):
    with pytest.raises(ProtocolError, match=says):
        protocol_parse(text)


def test_a_file_that_is_not_there_is_a_protocol_error(tmp_path: Path):
    with pytest.raises(ProtocolError, match="cannot be read"):
        load_protocol(tmp_path / "absent.toml")
