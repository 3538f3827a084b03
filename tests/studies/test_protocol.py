"""The protocol file: what is read, and how mistakes in it are named."""

import re
from pathlib import Path

import pytest

from readerstudy.studies.models import Question
from readerstudy.studies.protocol import PROTOCOLS_DIR, ProtocolError, load_protocol, protocol_parse
from readerstudy.studies.protocol_questions import LikertPlan
from tests.factories.studies import PAPER
from tests.typed import present

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

    assert isinstance(question, LikertPlan)
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
    assert int(present(re.search(r"line (\d+)", str(caught.value)))[1]) in lines


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


def wrong(text: str) -> list[str]:
    """What is said of a protocol, a line for each problem."""
    with pytest.raises(ProtocolError) as caught:
        protocol_parse(text, source="mine.toml")
    assert [problem.text for problem in caught.value.problems] == str(caught.value).split("\n")
    return str(caught.value).split("\n")


def test_all_problems_are_named_at_once_in_the_order_of_the_file():
    text = (
        TEXT.replace("cases_per_cell = 20", "cases_per_cell = 3")
        .replace("washout_days = 14", "washout_days = -1")
        .replace('["latent_shift"]', '["latent"]')
        .replace('text = "Is the model', 'texts = "Is the model')
    )
    said = wrong(text)
    parts = ("cases_per_cell = 3", "washout_days = -1", '["latent"]', 'texts = "Is')
    assert [line.split(":")[0] for line in said] == [f"mine.toml, line {line_of(text, part)}" for part in parts]
    assert "must be even" in said[0]
    assert "from 0 to 3650" in said[1]
    assert "is no method" in said[2]
    assert "`questions.texts` is not known; text is: is that meant?" in said[3]


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("classifier =", "clasifier =", "`study.clasifier` is not known; classifier is: is that meant?"),
        ("[study]", "[studie]", "`studie` is not known; study is: is that meant?"),
        ("seed =", "Seed =", "`study.Seed` is not known; seed is: is that meant?"),
    ],
)
def test_a_misspelt_key_is_one_problem_and_named_as_such(good: str, bad: str, says: str):
    (said,) = wrong(TEXT.replace(good, bad, 1))
    assert says in said
    assert "missing" not in said


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ('classifier = "xrv-all"', 'classifier = "xrv-al"', "There is no classifier 'xrv-al'. Known: nih-small"),
        (
            'autoencoder = "xrv-resnet101-elastic"',
            'autoencoder = "none.toml"',
            "no description of a model at none.toml",
        ),
        ('"Mass", "Pneumothorax"', '"Mass", "pneumothorax"', "names 'pneumothorax', which xrv-all does not predict"),
        ("threshold = 0.5", "threshold = nan", "is nan; it must be a number between 0 and 1"),
        ("threshold = 0.5", "threshold = 1e400", "is inf; it must be a number between 0 and 1"),
        ("cases_per_cell = 20", f"cases_per_cell = {10**50}", "from 2 to 10000"),
        ("seed = 20210101", "seed = " + "9" * 5000, "a number of thousands of digits"),
        ("washout_days = 14", "washout_days = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ('title = "Latent Shift', 'title = "\\u0000', "holds the character NUL, which cannot be stored"),
        ('"Mass", "Pneumothorax"', '"Mass", "a\\u0000b"', "holds the character NUL"),
    ],
)
def test_what_could_only_fail_later_is_refused_at_once(good: str, bad: str, says: str):
    assert any(says in line for line in wrong(TEXT.replace(good, bad, 1)))


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("latent_shift = {projektion = 'max'}", "has no setting projektion"),
        ("latent_shift.frames = 2.5", "frames of latent_shift must be a whole number, not 2.5"),
        ("latent_shift.drop = nan", "has drop = nan"),
        ("[study.parameters.latent_shift]\nsearch = 'published'", "There is no search 'published'"),
        ("latent_shift = 3", "must be a table of settings"),
        ("integrated_gradients.steps = 0", "at least one step"),
        ("smooth_grad = {}", "`study.parameters.smooth_grad` is not known; there are: input_gradient"),
        ("scoring = 'logit'", "must be one of: calibrated, paper"),
        ("percent = inf", "between 0 and 100"),
        ("display_bits = 12", "must be 8 or 16"),
        ("display_size = 2560.0", "whole number of pixels"),
    ],
)
def test_parameters_are_those_that_the_methods_take(parameters: str, says: str):
    text = f"{TEXT}\n[study.parameters]\n{parameters}\n"
    (said,) = wrong(text)
    assert says in said
    # TEXT has no such table: it is the last thing in the file.
    assert int(present(re.search(r"line (\d+)", said))[1]) >= line_of(text, "[study.parameters]")


def test_parameters_that_can_be_used_are_kept_as_they_stand():
    text = (
        f"{TEXT}\n[study.parameters]\nscoring = 'paper'\npercent = 10\ndisplay_size = 512\n"
        "[study.parameters.latent_shift]\nsearch = 'published-2021-02'\nprojection = 'published'\n"
    )
    assert protocol_parse(text).parameters == {
        "scoring": "paper",
        "percent": 10,
        "display_size": 512,
        "latent_shift": {"search": "published-2021-02", "projection": "published"},
    }


def test_a_file_that_is_no_protocol_is_said_to_be_none(tmp_path: Path):
    path = tmp_path / "large.toml"
    path.write_bytes(b"#" * 10_000_000)
    with pytest.raises(ProtocolError, match="larger than 500,000 bytes"):
        load_protocol(path)
    path.write_bytes(b'[study]\ntitle = "Stra\xdfe"\n')
    with pytest.raises(ProtocolError, match="line 2: is not UTF-8"):
        load_protocol(path)


def test_a_protocol_may_add_synonyms_of_findings():
    text = TEXT + '\n[synonyms]\n"Pleural fluid" = "effusion"\n"o. B." = "No Finding"\n'

    assert protocol_parse(text).synonyms == {"Pleural fluid": "effusion", "o. B.": "No Finding"}
    assert protocol_parse(TEXT).synonyms == {}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('"Pleural fluid" = "Efusion"', "stands for 'Efusion', which is no known finding"),
        ('"Mass" = "Effusion"', "is the finding Mass already"),
        ('"Pleural fluid" = 3', "must be text"),
    ],
)
def test_a_synonym_that_cannot_be_is_named_with_its_line(line: str, says: str):
    text = f"{TEXT}\n[synonyms]\n{line}\n"

    with pytest.raises(ProtocolError) as caught:
        protocol_parse(text)

    assert says in str(caught.value)
    assert f"line {line_of(text, line)}" in str(caught.value)
