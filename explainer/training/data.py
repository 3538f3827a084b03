"""Labelled images for training: reading, the split by patient, and a uint8 cache in memory."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from analysis.data.tables import Row as TableRow
from analysis.data.tables import TableError, read_table
from explainer.catalogue.findings import State, vocabulary
from explainer.datasets.labels import LabelError, assessed_by, label_table
from explainer.errors import ExplainerError
from explainer.images import load_array

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

Part = Literal["training", "validation", "test"]
PARTS: tuple[Part, ...] = ("training", "validation", "test")
REQUIRED_COLUMNS = ("image", "patient_id", "file")
_VALUES = {State.POSITIVE: 1.0, State.NEGATIVE: 0.0}


class TrainingDataError(ExplainerError):
    """The images or labels given for training cannot be used."""


@dataclass(frozen=True)
class Row:
    """One line of labels.csv; a finding that is not among `labels` was not assessed."""

    image: str
    patient: str
    labels: Mapping[str, State]
    path: Path


@dataclass(frozen=True)
class Dataset:
    """Images of one part: `pixels` uint8 (N, 1, S, S), `labels` float32 (N, targets), rows in the same order."""

    rows: tuple[Row, ...]
    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, index: Tensor | slice) -> Tensor:
        """Float32 images in [-1024, 1024]."""
        return to_range(self.pixels[index])


def to_range(pixels: Tensor) -> Tensor:
    """8-bit pixels as float32 in [-1024, 1024]."""
    return (pixels.float() * (2 / 255) - 1) * 1024


def read_labels(labels: Path, images: Path, *, targets: Sequence[str] = ()) -> list[Row]:
    """Rows of labels.csv, with findings in whatever spelling; a finding that is a target gets the target's spelling.

    `file` is relative to the labels file, or else its name is looked up in `images`. Raises TrainingDataError.
    """
    found = list(_rows(labels, REQUIRED_COLUMNS))
    if not found:
        raise TrainingDataError(f"{labels} has no rows.")
    statements = _statements(labels, found, targets)
    rows = []
    for row, said in zip(found, statements, strict=True):
        record = row.values
        path = labels.parent / record["file"]
        if not path.exists():
            path = images / Path(record["file"]).name
        if not path.exists():
            raise TrainingDataError(f"{labels} line {row.line}: {record['file']} is not in {images}.")
        rows.append(Row(record["image"], record["patient_id"], said, path))
    return rows


def _statements(labels: Path, found: Sequence[TableRow], targets: Sequence[str]) -> list[dict[str, State]]:
    """What each row says of each finding; texts that are no known finding are listed on the terminal."""
    try:
        table = label_table(found[0].values, vocabulary(targets))
    except LabelError as error:
        raise TrainingDataError(f"{labels} {error}.") from error
    statements = []
    for row in found:
        try:
            statements.append(table.read(row.values))
        except LabelError as error:
            raise TrainingDataError(f"{labels} line {row.line}: {error}.") from error
    for text, count in Counter(text for said in statements for text in said.unknown).items():
        tqdm.write(f"note: {text!r} is no known finding ({count} rows)", file=sys.stderr)
    assessed = assessed_by(table, statements)
    return [said.labels(assessed) for said in statements]


def _rows(path: Path, columns: Sequence[str]) -> Iterator[TableRow]:
    """The rows of a table that must be whole; what had to be guessed is said. Raises TrainingDataError."""
    try:
        table = read_table(path, required=columns).whole()
    except TableError as error:
        raise TrainingDataError(f"{path}: {error}") from error
    for note in table.notes:
        tqdm.write(f"note: {note}", file=sys.stderr)
    return iter(table)


def patients_in(listing: Path, rows: Sequence[Row]) -> frozenset[str]:
    """Patients of the images that a table with a column `image` names (for example boxes.csv)."""
    named = {row.values["image"] for row in _rows(listing, ("image",))}
    return frozenset(row.patient for row in rows if row.image in named)


def part_of(patient: str, *, seed: int, test: float, validation: float) -> Part:
    """Part a patient belongs to; a hash, so that it does not change when other patients come or go."""
    digest = hashlib.sha256(f"{seed}:{patient}".encode()).digest()
    position = int.from_bytes(digest[:8]) / 2**64
    if position < test:
        return "test"
    return "validation" if position < test + validation else "training"


def split_by_patient(
    rows: Sequence[Row], *, seed: int, test: float, validation: float, always_test: Collection[str] = ()
) -> dict[Part, list[Row]]:
    """Rows by part. All images of a patient are in one part; patients of `always_test` are in the test part."""
    parts: dict[Part, list[Row]] = {part: [] for part in PARTS}
    for row in rows:
        if row.patient in always_test:
            parts["test"].append(row)
        else:
            parts[part_of(row.patient, seed=seed, test=test, validation=validation)].append(row)
    return parts


def read_pixels(path: Path, size: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """The image as the models will see it (`explainer.images`), rounded to 8 bits to keep thousands in memory."""
    array, _ = load_array(path, size=size, input_range=(0, 255))
    return np.rint(array).astype(np.uint8)


def load(
    rows: Sequence[Row], *, targets: Sequence[str], size: int, progress: bool = True, what: str = "read"
) -> Dataset:
    """All images of `rows` in memory, with their labels in the order of `targets`.

    Raises TrainingDataError where a label is uncertain or missing: neither is the absence of the finding.
    """
    for target in targets:
        if doubtful := sum(row.labels.get(target) not in _VALUES for row in rows):
            raise TrainingDataError(
                f"{doubtful} of {len(rows)} images have no certain label of {target}: it is uncertain there or was not "
                "assessed. Leave their rows out, or the target."
            )
    pixels = torch.empty((len(rows), 1, size, size), dtype=torch.uint8)
    for index, row in enumerate(tqdm(rows, desc=what, unit="image", disable=not progress)):
        pixels[index, 0] = torch.from_numpy(read_pixels(row.path, size))
    labels = torch.tensor([[_VALUES[row.labels[target]] for target in targets] for row in rows])
    return Dataset(tuple(rows), pixels, labels.reshape(len(rows), len(targets)))
