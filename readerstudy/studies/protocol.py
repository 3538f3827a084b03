"""The protocol file: a study's design in TOML, read into a frozen Protocol or refused with key, line and remedy."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from explainer.catalogue.findings import VocabularyError, vocabulary
from explainer.catalogue.methods import METHODS
from explainer.problems import Flag, Input, Number, RefusedError, Whole
from readerstudy.studies.models import Study
from readerstudy.studies.protocol_analysis import AnalysisPlan
from readerstudy.studies.protocol_models import (
    autoencoder_checked,
    classifier_checked,
    parameters_checked,
    targets_checked,
)
from readerstudy.studies.protocol_problems import ProtocolError, read_toml
from readerstudy.studies.protocol_questions import QuestionPlan, comment_plan
from readerstudy.studies.protocol_reading import ReadingPlan
from readerstudy.studies.protocol_results import ResultsPlan
from readerstudy.studies.protocol_values import TABLES, Among, Free, Required, Slug, SomeNames

__all__ = ["PROTOCOLS_DIR", "Protocol", "ProtocolError", "load_protocol", "protocol_parse"]

PROTOCOLS_DIR = Path(__file__).resolve().parent / "protocols"

#: Far more than any protocol has: consent and instructions are a few pages.
MAX_BYTES = 500_000
_ARMS = 2  # a crossover swaps two arms


def _even(count: int) -> int:
    if count % 2:
        raise RefusedError("must be even: half of the cases of a cell start in each arm")
    return count


class ArmPlan(Input):
    """A way of showing the explanation: its methods, in the order shown."""

    key: Annotated[Slug, Field(max_length=40)]
    name: Annotated[Required, Field(max_length=100)]
    methods: Annotated[SomeNames, Among(METHODS, ", which is no method; there are")]


class StudyTable(Input):
    """The [study] table: what is read, and with which models."""

    slug: Annotated[Slug, Field(max_length=50)]
    title: Annotated[Required, Field(max_length=200)]
    instructions: Free = ""
    synthetic: Flag = False
    classifier: Annotated[Required, Field(max_length=200), AfterValidator(classifier_checked)]
    autoencoder: Annotated[Required, Field(max_length=200), AfterValidator(autoencoder_checked)]
    targets: SomeNames
    cases_per_cell: Annotated[Whole, Field(ge=2, le=10_000), AfterValidator(_even)]
    threshold: Annotated[Number, Field(gt=0, lt=1)] = 0.5
    prefer_annotated: Flag = True
    seed: Annotated[Whole, Field(ge=0, le=2**63 - 1)]
    washout_days: Annotated[Whole, Field(ge=0, le=3650)]
    changes: Study.Changes = Study.Changes.UNTIL_PERIOD_END
    comment: Flag = False
    parameters: Annotated[dict[str, Any], AfterValidator(parameters_checked)] = Field(default_factory=dict)

    @field_validator("targets")
    @classmethod
    def _predicted(cls, targets: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return targets_checked(targets, info.data["classifier"]) if "classifier" in info.data else targets


class ProtocolFile(Input):
    """All tables of a protocol file."""

    study: StudyTable
    arms: tuple[ArmPlan, ...] = Field((), validate_default=True)
    questions: tuple[QuestionPlan, ...] = Field((), validate_default=True)
    reading: ReadingPlan = ReadingPlan()
    analysis: AnalysisPlan = AnalysisPlan()
    results: ResultsPlan = ResultsPlan()
    synonyms: dict[str, Annotated[Required, Field(max_length=100)]] = Field(default_factory=dict)

    @field_validator("arms")
    @classmethod
    def _two_arms(cls, arms: tuple[ArmPlan, ...]) -> tuple[ArmPlan, ...]:
        reasons = _reasons_of_keys([arm.key for arm in arms])
        if len(arms) != _ARMS:
            reasons.append(f"has {len(arms)} arms; a crossover needs exactly {_ARMS} [[arms]] tables")
        if reasons:
            raise RefusedError(*reasons)
        return arms

    @field_validator("questions")
    @classmethod
    def _something_is_asked(cls, questions: tuple[QuestionPlan, ...]) -> tuple[QuestionPlan, ...]:
        reasons = _reasons_of_keys([question.key for question in questions])
        if not questions:
            reasons.append("is missing: add at least one [[questions]] table")
        elif not any(question.required for question in questions):
            reasons.append("are all optional: a case without an answer would count as read; require one")
        if reasons:
            raise RefusedError(*reasons)
        return questions

    @field_validator("reading")
    @classmethod
    def _nothing_tells_a_hidden_prediction(cls, reading: ReadingPlan, info: ValidationInfo) -> ReadingPlan:
        shown = (METHODS[method] for arm in info.data.get("arms", ()) for method in arm.methods)
        telling = next((method.key for method in shown if method.tells_prediction), None)
        if telling and not reading.show_prediction:
            raise RefusedError(f"has show_prediction = false, but {telling} tells the prediction of every frame")
        return reading

    @field_validator("analysis")
    @classmethod
    def _analysed_is_asked(cls, analysis: AnalysisPlan, info: ValidationInfo) -> AnalysisPlan:
        ordered = [one.key for one in info.data.get("questions", ()) if one.kind in {"likert", "yes_no"}]
        unknown = [key for key in analysis.questions if key not in ordered]
        if "questions" in info.data and unknown:
            there_are = f"which is no question on a scale; there are: {', '.join(ordered)}"
            raise RefusedError(questions=f"names {unknown[0]!r}, {there_are}")
        return analysis

    @field_validator("synonyms")
    @classmethod
    def _known_findings(cls, synonyms: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        try:
            vocabulary(info.data["study"].targets if "study" in info.data else (), synonyms)
        except VocabularyError as error:
            raise RefusedError(**{error.synonym: str(error)}) from error
        return synonyms


class Protocol(StudyTable):
    """The design of one study, as its file says; `text` is the file's."""

    arms: tuple[ArmPlan, ...]
    questions: tuple[QuestionPlan, ...]
    reading: ReadingPlan
    analysis: AnalysisPlan
    results: ResultsPlan
    synonyms: dict[str, str]
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
    file = read_toml(ProtocolFile, text, source=source)
    tables = {name: getattr(file, name) for name in ProtocolFile.model_fields if name != "study"}
    if file.study.comment:
        tables["questions"] = (*file.questions, comment_plan())
    return Protocol.model_construct(**dict(file.study), **tables, text=text)


def _reasons_of_keys(keys: list[str]) -> list[str]:
    """What is wrong with the keys of tables of a kind."""
    reasons = [f"has {len(keys)} entries; {TABLES} are the most"] if len(keys) > TABLES else []
    if len(set(keys)) != len(keys):
        reasons.append(f"use the same key twice ({', '.join(keys[:TABLES])}): give each its own")
    return reasons
