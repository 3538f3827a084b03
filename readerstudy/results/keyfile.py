"""The key of an allocation in a study's export, and an export's allocation as it can be drawn again from the key."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from analysis.data.csv_cells import plain_cell
from readerstudy.reading.crossover import Placement
from readerstudy.reading.selectors import allocation_record
from readerstudy.reading.verification import AllocationRecord, RecordedCase, RecordedReader
from readerstudy.studies.models import Study

KEY_FILE = "allocation-key.json"
ALLOCATION_FILE = "allocation.csv"


class BundleError(Exception):
    """An archive whose allocation cannot be drawn again; the message says why and what to do."""


def key_file(study: Study) -> bytes | None:
    """The key with all that it is applied to but the orders, which are in allocation.csv.

    None before the study is unblinded, whoever asks: the key tells every order and every code.
    """
    record = allocation_record(study) if study.unblinded_at is not None else None
    if record is None:
        return None
    content = {
        "key": record.key.hex(),
        "numbers_cases": record.numbers_cases,
        "arms": list(record.arms),
        "codes": dict(record.codes),
        "cases": [asdict(case) for case in record.cases],
        "readers": [
            {"code": reader.code, "takes_over": reader.takes_over, "seeded": reader.seeded} for reader in record.readers
        ],
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def bundle_record(path: Path) -> AllocationRecord:
    """The allocation and the key in an export. Raises BundleError."""
    try:
        with ZipFile(path) as archive:
            content = json.loads(archive.read(KEY_FILE))
            rows = list(csv.DictReader(io.StringIO(archive.read(ALLOCATION_FILE).decode())))
        return _record(content, rows)
    except FileNotFoundError as error:
        raise BundleError(f"There is no file {path}.") from error
    except BadZipFile as error:
        raise BundleError(f"{path} is no ZIP archive. Give an archive that study_export wrote.") from error
    except KeyError as error:
        raise BundleError(
            f"{path} lacks {KEY_FILE}, {ALLOCATION_FILE} or a part of them. The key is in exports made with true arms "
            "after the study was unblinded: study_unblind, then study_export without --masked."
        ) from error
    except (ValueError, TypeError) as error:
        raise BundleError(f"{KEY_FILE} or {ALLOCATION_FILE} in {path} was changed: it cannot be read.") from error


def _record(content: dict[str, Any], rows: list[dict[str, str]]) -> AllocationRecord:
    arms = tuple(content["arms"])
    placements: dict[str, set[Placement]] = defaultdict(set)
    for row in rows:
        place = Placement(
            number=int(row["case"]),
            arm=arms.index(plain_cell(row["arm"])),
            period=int(row["period"]),
            position=int(row["position"]),
        )
        placements[row["reader"]].add(place)
    return AllocationRecord(
        key=bytes.fromhex(content["key"]),
        numbers_cases=content["numbers_cases"],
        arms=arms,
        codes=content["codes"],
        cases=tuple(RecordedCase(**case) for case in content["cases"]),
        readers=tuple(
            RecordedReader(**reader, placements=frozenset(placements[reader["code"]])) for reader in content["readers"]
        ),
    )
