"""The protocol file: a study's design in TOML, read into a frozen Protocol or refused with key, line and remedy."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainer.catalogue.methods import METHODS
from readerstudy.studies.protocol_analysis import AnalysisPlan, analysis_plan
from readerstudy.studies.protocol_models import models_check, parameters_checked
from readerstudy.studies.protocol_questions import CHANGES, QuestionPlan, comment_plan, question_plan
from readerstudy.studies.protocol_reading import ReadingPlan, reading_plan
from readerstudy.studies.protocol_results import ResultsPlan, results_plan
from readerstudy.studies.protocol_synonyms import synonyms
from readerstudy.studies.protocol_table import Document, ProtocolError, Table

__all__ = ["PROTOCOLS_DIR", "Protocol", "ProtocolError", "load_protocol", "protocol_parse"]

PROTOCOLS_DIR = Path(__file__).resolve().parent / "protocols"

#: Far more than any protocol has: consent and instructions are a few pages.
MAX_BYTES = 500_000
_ARMS = 2  # a crossover swaps two arms


@dataclass(frozen=True)
class ArmPlan:
    """A way of showing the explanation: its methods, in the order shown."""

    key: str
    name: str
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Protocol:
    """The design of one study, as its file says."""

    slug: str
    title: str
    instructions: str
    synthetic: bool
    targets: tuple[str, ...]
    cases_per_cell: int
    threshold: float
    prefer_annotated: bool
    seed: int
    classifier: str
    autoencoder: str
    washout_days: int
    changes: str
    parameters: dict[str, Any]
    synonyms: dict[str, str]
    arms: tuple[ArmPlan, ...]
    questions: tuple[QuestionPlan, ...]
    reading: ReadingPlan
    analysis: AnalysisPlan
    results: ResultsPlan
    text: str


def load_protocol(path: Path) -> Protocol:
    """The protocol in this file. Raises ProtocolError."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProtocolError(f"{path}: cannot be read: {error.strerror or error}.") from error
    if len(content) > MAX_BYTES:
        raise ProtocolError(f"{path}: is larger than {MAX_BYTES:,} bytes: it is no protocol.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProtocolError(f"{path}, line {line}: is not UTF-8: save the file in that encoding.") from error
    return protocol_parse(text, source=str(path))


def protocol_parse(text: str, *, source: str = "protocol") -> Protocol:
    """The protocol in this text; `source` is what errors call it. Raises ProtocolError with all that is wrong."""
    root = Table(Document(source, text), "", 0, _document(text, source))
    study = root.table("study")
    questions = (
        *(question_plan(table) for table in root.tables("questions")),
        *((comment_plan(),) if study.flag("comment", default=False) else ()),
    )
    protocol = Protocol(
        slug=study.slug("slug", maximum=50),
        title=study.text("title", maximum=200),
        instructions=study.text("instructions", default=""),
        synthetic=study.flag("synthetic", default=False),
        targets=study.words("targets"),
        cases_per_cell=study.whole("cases_per_cell", minimum=2, maximum=10_000),
        threshold=study.fraction("threshold", default=0.5),
        prefer_annotated=study.flag("prefer_annotated", default=True),
        seed=study.whole("seed", minimum=0, maximum=2**63 - 1),
        classifier=study.text("classifier", maximum=200),
        autoencoder=study.text("autoencoder", maximum=200),
        washout_days=study.whole("washout_days", minimum=0, maximum=3650),
        changes=study.one_of("changes", CHANGES, default=CHANGES[0]),
        parameters=parameters_checked(study),
        synonyms=synonyms(root.table("synonyms", default={}), study.words("targets")),
        arms=tuple(_arm(table) for table in root.tables("arms")),
        questions=questions,
        reading=reading_plan(root.table("reading", default={})),
        analysis=analysis_plan(
            root.table("analysis", default={}),
            tuple(question.key for question in questions if question.kind in {"likert", "yes_no"}),
        ),
        results=results_plan(root.table("results", default={})),
        text=text,
    )
    models_check(study, classifier=protocol.classifier, autoencoder=protocol.autoencoder, targets=protocol.targets)
    study.done()
    root.done()
    _check_together(root, study, protocol)
    root.raise_if_wrong()
    return protocol


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{source}: not valid TOML: {error}") from error
    except RecursionError as error:
        raise ProtocolError(f"{source}: its values are nested too deeply to be a protocol.") from error
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise ProtocolError(f"{source}: holds a number of thousands of digits: no key takes one.") from error


def _check_together(root: Table, study: Table, protocol: Protocol) -> None:
    """What no key by itself can be wrong about."""
    if protocol.cases_per_cell % 2:
        study.refuse("cases_per_cell", "must be even: half of the cases of a cell start in each arm")
    if len(protocol.arms) != _ARMS:
        root.refuse("arms", f"has {len(protocol.arms)} arms; a crossover needs exactly {_ARMS} [[arms]] tables")
    if not root.tables("questions"):
        root.refuse("questions", "is missing: add at least one [[questions]] table")
    if not any(question.required for question in protocol.questions):
        root.refuse("questions", "are all optional: a case without an answer would count as read; require one")
    telling = [key for arm in protocol.arms for key in arm.methods if key in METHODS and METHODS[key].tells_prediction]
    if telling and not protocol.reading.show_prediction:
        root.refuse("reading", f"has show_prediction = false, but {telling[0]} tells the prediction of every frame")
    for key, plans in (("arms", protocol.arms), ("questions", protocol.questions)):
        keys = [plan.key for plan in plans]
        if len(set(keys)) != len(keys):
            root.refuse(key, f"use the same key twice ({', '.join(keys)}): give each its own")


def _arm(table: Table) -> ArmPlan:
    arm = ArmPlan(
        key=table.slug("key", maximum=40), name=table.text("name", maximum=100), methods=table.words("methods")
    )
    for method in arm.methods:
        if method not in METHODS:
            table.refuse("methods", f"names {method!r}, which is no method; there are: {', '.join(METHODS)}")
    table.done()
    return arm
