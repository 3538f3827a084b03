"""Reads the published reader study (github mlmed/gifsplanation), 240 cases by two readers, checked cell by cell."""

import gzip
import json
from collections import Counter
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from analysis.data.tables import TableError, read_table

RECORD = "trial_record.json.gz"
CASES = 240
READERS = ("R1", "R2")
READS = (0, 1)
ARMS = ("A", "B")  # Traditional, Latent Shift: as 0 and 1 in the record's `trial`
TARGETS = ("Atelectasis", "Cardiomegaly", "Effusion", "Lung Opacity", "Mass", "Pneumothorax")
CONFIDENCE = "How confident are you in the model's prediction?"
CORRECT_FEATURE = "Is the model looking at the correct feature?"
QUESTIONS = {"confidence": CONFIDENCE, "correct_feature": CORRECT_FEATURE}
# As the columns of the published files are called; they lack the apostrophe.
COLUMNS = ("Example", f"{CONFIDENCE.replace(chr(39), '')} (1-5)", f"{CORRECT_FEATURE} (1-5)")
SCALE = range(1, 6)
KEYS = ("trialid", "trial", "target", "label", "pred", "dataset", "idx", "source", "model_used")


class GifsplanationError(Exception):
    """A folder that does not hold the published study: which file and line, what was wrong and what to do."""


@dataclass(frozen=True)
class PublishedImage:
    """An X-ray of the study as far as it was published: its origin, not its pixels.

    `index` is the record's own. Two X-rays of SIIM Pneumothorax have two indices each, so that both were read twice
    (cases 213 and 231, 220 and 229): as published they are different images that share a name.
    """

    dataset: str
    index: str
    name: str
    patient: str
    age: int | None
    sex: str
    view: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class PublishedCase:
    """One case; `first_arm` is the arm in which both readers saw it in read 0, the other arm followed in read 1."""

    number: int
    image: PublishedImage
    target: str
    label: str
    score: float
    first_arm: str

    def arm(self, read: int) -> str:
        """The arm of this case in a read (0 or 1)."""
        first = ARMS.index(self.first_arm)
        return ARMS[first if read == 0 else 1 - first]


@dataclass(frozen=True)
class PublishedReading:
    """One reader's answers on one case in one read; `position` is the row of the published file."""

    reader: str
    read: int
    position: int
    case: int
    answers: tuple[int, ...]  # in the order of QUESTIONS


@dataclass(frozen=True)
class PublishedStudy:
    """Everything that was published about the study's responses."""

    classifier: str
    cases: tuple[PublishedCase, ...]
    readings: tuple[PublishedReading, ...]


def load(folder: Path) -> PublishedStudy:
    """Read and check the folder. Raises GifsplanationError; nothing is taken from a folder that is not complete."""
    record = _record(folder / RECORD)
    cases = tuple(_case(folder / RECORD, index, entry) for index, entry in enumerate(record))
    numbers = Counter(case.number for case in cases)
    if len(cases) != CASES or set(numbers) != set(range(1, CASES + 1)):
        raise GifsplanationError(
            f"{folder / RECORD}: {len(cases)} cases with {len(numbers)} different trialid; the published study has "
            f"{CASES}, numbered 1 to {CASES}. Take the files of github mlmed/gifsplanation unchanged."
        )
    models = sorted({str(entry["model_used"]) for entry in record})
    if len(models) != 1:
        raise GifsplanationError(
            f"{folder / RECORD}: more than one model_used ({', '.join(models)}); one was published."
        )
    readings = [
        reading
        for read, (index, reader) in product(READS, enumerate(READERS, start=1))
        for reading in _readings(folder / f"read{read}-reader{index}.csv", reader=reader, read=read)
    ]
    return PublishedStudy(models[0], cases, tuple(readings))


def _record(path: Path) -> list[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            record = json.load(stream)
    except FileNotFoundError as error:
        raise GifsplanationError(f"{path} does not exist. Name the folder that holds the published files.") from error
    except (OSError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise GifsplanationError(f"{path} cannot be read as gzipped JSON ({error}). Fetch it again.") from error
    if not isinstance(record, list) or not all(isinstance(entry, dict) for entry in record):
        raise GifsplanationError(f"{path}: not a list of cases. Fetch it again.")
    return record


def _case(path: Path, index: int, entry: dict[str, Any]) -> PublishedCase:
    where = f"{path}, entry {index + 1}"
    lacking = [key for key in KEYS if key not in entry]
    if lacking:
        raise GifsplanationError(f"{where}: lacks {', '.join(lacking)}. Fetch the file again.")
    for key, allowed in {"trial": (0, 1), "label": (0, 1), "target": TARGETS}.items():
        if entry[key] not in allowed:
            expected = ", ".join(str(value) for value in allowed)
            raise GifsplanationError(f"{where}: {key} is {entry[key]!r}; it must be one of {expected}.")
    if not isinstance(entry["trialid"], int) or not isinstance(entry["pred"], float) or not 0 <= entry["pred"] <= 1:
        raise GifsplanationError(
            f"{where}: trialid is {entry['trialid']!r} and pred {entry['pred']!r}; a whole number and a score in "
            "[0, 1] belong there."
        )
    return PublishedCase(
        number=entry["trialid"],
        image=_image(where, str(entry["dataset"]), str(entry["idx"]), entry["source"]),
        target=entry["target"],
        label="TP" if entry["label"] == 1 else "FP",
        score=entry["pred"],
        first_arm=ARMS[entry["trial"]],
    )


def _image(where: str, dataset: str, index: str, source: dict[str, Any]) -> PublishedImage:
    """Three data sets with three ways of naming a file."""
    names = [source[key] for key in ("Image Index", "Filename", "ImageId") if source.get(key)]
    if not names:
        raise GifsplanationError(f"{where}: the source names no image (Image Index, Filename or ImageId).")
    age = source.get("Patient Age", source.get("PatientAge"))
    findings = [name for name in str(source.get("Finding Labels", "")).split("|") if name and name != "No Finding"]
    return PublishedImage(
        dataset=dataset,
        index=index,
        name=str(names[0]),
        patient=str(source.get("patientid", "")),
        age=int(age) if age is not None else None,
        sex=str(source.get("Patient Gender", source.get("PatientSex", "")))[:1],
        view=str(source.get("view", "")),
        findings=tuple(findings),
    )


def _readings(path: Path, *, reader: str, read: int) -> list[PublishedReading]:
    try:
        table = read_table(path).whole()
    except FileNotFoundError as error:
        raise GifsplanationError(f"{path} does not exist. All four read files belong to the study.") from error
    except TableError as error:
        raise GifsplanationError(f"{path} cannot be read ({error}) Fetch it again.") from error
    header = table.header
    if header != COLUMNS:
        unknown = [name for name in header if name not in COLUMNS]
        lacking = [name for name in COLUMNS if name not in header]
        parts = [f"unknown: {', '.join(map(repr, unknown))}"] if unknown else []
        parts += [f"lacking: {', '.join(map(repr, lacking))}"] if lacking else []
        raise GifsplanationError(
            f"{path}, line 1: not the published columns ({'; '.join(parts) or 'another order'}). They are: "
            f"{', '.join(map(repr, COLUMNS))}."
        )
    readings = [
        PublishedReading(reader, read, position, *_answers(f"{path}, line {line}", record))
        for position, (line, record) in enumerate(zip(table.lines, table.records, strict=True), start=1)
    ]
    numbers = {reading.case for reading in readings}
    if len(readings) != CASES or len(numbers) != CASES:
        doubled = [str(number) for number, count in Counter(r.case for r in readings).items() if count > 1]
        lacking = [str(number) for number in range(1, CASES + 1) if number not in numbers]
        parts = [f"more than once: {', '.join(doubled[:5])}"] if doubled else []
        parts += [f"lacking: {', '.join(lacking[:5])}"] if lacking else []
        raise GifsplanationError(
            f"{path}: {len(readings)} rows, the published file has one for each of {CASES} cases ({'; '.join(parts)})."
        )
    return readings


def _answers(where: str, row: list[str]) -> tuple[int, tuple[int, ...]]:
    """Case number and answers of one row."""
    if len(row) != len(COLUMNS):
        raise GifsplanationError(f"{where}: {len(row)} cells, {len(COLUMNS)} belong there.")
    number, *values = (_whole(where, name, cell) for name, cell in zip(COLUMNS, row, strict=True))
    if number not in range(1, CASES + 1):
        raise GifsplanationError(f"{where}: Example is {number}; the cases are numbered 1 to {CASES}.")
    for name, value in zip(COLUMNS[1:], values, strict=True):
        if value not in SCALE:
            raise GifsplanationError(f"{where}: {name!r} is {value}; the scale goes from 1 to 5.")
    return number, tuple(values)


def _whole(where: str, name: str, cell: str) -> int:
    if not cell.strip().isdecimal():
        raise GifsplanationError(f"{where}: {name!r} is {cell!r}; a whole number belongs there.")
    return int(cell)
