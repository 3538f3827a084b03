"""The protocol's [analysis] table: what is planned, and mistakes in it."""

import pytest

from analysis.report.sections import Planned
from analysis.sections.catalogue import SECTIONS
from readerstudy.studies.protocol import PROTOCOLS_DIR, ProtocolError, protocol_parse
from readerstudy.studies.protocol_analysis import ANALYSES, STANDARD, AnalysisPlan, plan_of

DEMO = (PROTOCOLS_DIR / "demo-phantoms.toml").read_text(encoding="utf-8")
PLAN = '\n[analysis]\nprimary = ["equivalence", "ordinal"]\nquestions = ["confidence"]\nmargin = 0.5\nadjust = "bh"\n'


def test_a_protocol_without_the_table_has_the_standard_plan() -> None:
    plan = protocol_parse(DEMO).analysis
    assert plan == plan_of(DEMO) == plan_of("") == AnalysisPlan()
    assert plan.primary == ("effect", "ordinal", "auc")
    assert not plan.stated


def test_a_plan_is_read_the_same_from_the_file_and_from_the_stored_text() -> None:
    expected = AnalysisPlan(primary=("equivalence", "ordinal"), questions=("confidence",), margin=0.5, adjust="bh")
    assert protocol_parse(DEMO + PLAN).analysis == plan_of(DEMO + PLAN) == expected
    assert plan_of(DEMO + PLAN).stated


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"ordinal"]', '"anova"]', "names 'anova', which is no analysis; there are: effect"),
        ('["confidence"]', '["mood"]', "names 'mood', which is no question on a scale; there are: confidence"),
        ("margin = 0.5", "margin = 0", "must be a number above 0"),
        ("margin = 0.5", "", "equivalence, which needs a margin"),
        ('"bh"', '"none"', "must be one of: holm, bh"),
        ("adjust", "adjustment", "is not known"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, says: str) -> None:
    with pytest.raises(ProtocolError, match=says) as error:
        protocol_parse(DEMO + PLAN.replace(old, new, 1))
    assert "line" in str(error.value)
    assert "`analysis." in str(error.value)


def test_what_a_protocol_can_plan_are_the_sections_that_answer_a_question() -> None:
    assert set(ANALYSES) == {section.key for section in SECTIONS if any(part.planned for part in section.parts)}
    assert Planned().analyses == STANDARD
