"""Import of images with their labels and the experts' annotations: what can be used comes in, the rest is reported."""

import os
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from explainer.catalogue.findings import Vocabulary
from explainer.datasets.labels import LabelError, LabelTable, assessed_by, assessed_of, label_table
from readerstudy.lib.media import media_remove
from readerstudy.studies.actions import Action
from readerstudy.studies.image_files import FileError, StoredImage, image_store
from readerstudy.studies.import_tables import LabelRow, Problem, RowError, TableError, label_row, rows
from readerstudy.studies.models import Annotation, Image, Import, Label, Study
from readerstudy.studies.services.annotations import HOW_TO_CORRECT, boxes_import, masks_import
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.corrections import CorrectionOrder, Facts, changes_of, image_correct
from readerstudy.studies.services.development import development_mark
from readerstudy.studies.services.labels import labels_of_row, labels_said, labels_store, labels_stored
from readerstudy.studies.services.study import StudyError
from readerstudy.studies.services.warnings import table_warnings
from readerstudy.studies.vocabulary import vocabulary_of

Report = Callable[[int, int], None]


class ImagesImportError(Exception):
    """An import that could not begin; the message says why and what to do. Nothing was changed."""


@dataclass
class _Run:
    """What one import has done so far."""

    study: Study
    vocabulary: Vocabulary
    now: datetime
    order: CorrectionOrder | None
    files_created: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    labels: dict[int, dict[str, str]] = field(default_factory=dict)  # of new images
    seen: dict[int, LabelRow] = field(default_factory=dict)  # image -> the first row about it
    held: Counter[str] = field(default_factory=Counter)  # findings that the table would newly make negative
    added: int = 0
    known: int = 0
    corrected: int = 0


@dataclass(frozen=True)
class _Table:
    """The rows of labels.csv that can be used, and what the table assessed: as stated, else what it names anywhere."""

    source: str
    columns: tuple[str, ...]
    rows: tuple[LabelRow, ...]
    assessed: tuple[str, ...]
    stated: bool


def images_import(
    *,
    study: Study,
    images_dir: Path,
    labels_csv: Path,
    boxes_csv: Path | None = None,
    masks_dir: Path | None = None,
    assessed: str = "",
    order: CorrectionOrder | None = None,
    now: datetime,
    progress: Report | None = None,
) -> Import:
    """Bring in the images that labels_csv lists, with boxes and masks.

    `assessed` lists the findings (`A|B`) that the labels are about: a finding that is neither listed in a row nor
    otherwise said of is negative there if the table assessed it, and has no label else. Where it is not given, those
    count that the table names anywhere. A row's own list goes first.

    Where an image is in the study already and the table says otherwise of it, that is a problem, or corrected by
    `order` (see image_correct), which is also possible in a study that is open for reading.

    `progress` is called with how many images are done and how many there are. A row that cannot be used is a problem of
    the returned Import and leaves nothing behind; an import that is broken off changes nothing; run again, only what is
    missing is added. Raises ImagesImportError where a table or folder cannot be read, and where the study is not being
    prepared any more.
    """
    _check(study, images_dir, masks_dir, order)
    run = _Run(study, vocabulary_of(study), now, order)
    try:
        with transaction.atomic():
            Study.objects.select_for_update().get(pk=study.pk)  # two imports at once would count one image twice
            table = _read_table(run, labels_csv, assessed)
            _import_images(run, table, images_dir.resolve(), labels_csv.resolve().parent, progress)
            labels_store(run.labels)
            annotations = 0
            if boxes_csv is not None:
                annotations += boxes_import(study, boxes_csv, run.vocabulary, run.problems, order)
            if masks_dir is not None:
                annotations += masks_import(study, masks_dir, run.vocabulary, run.problems, order, run.files_created)
            development_mark(study=study)
            record = Import.objects.create(
                study=study,
                created_at=now,
                images_added=run.added,
                images_known=run.known,
                images_corrected=run.corrected,
                annotations_added=annotations,
                problems=[asdict(problem) for problem in run.problems],
                warnings=[asdict(warning) for warning in run.warnings],
                assessed=list(table.assessed),
                assessed_stated=table.stated,
            )
            detail = {
                "added": run.added,
                "known": run.known,
                "corrected": run.corrected,
                "annotations": annotations,
                "problems": len(run.problems),
                "assessed": list(table.assessed),
            }
            audit(study=study, actor=None, action=Action.IMAGES_IMPORTED, detail=detail, now=now)
    except TableError as error:
        raise ImagesImportError(str(error)) from error
    finally:
        _remove_unused(run.files_created)
    return record


def _check(study: Study, images_dir: Path, masks_dir: Path | None, order: CorrectionOrder | None) -> None:
    if study.status != Study.Status.DRAFT and order is None:
        raise ImagesImportError(
            f"{study.slug} is {study.get_status_display()}; images go into a study in preparation. What is in it "
            "can be corrected, with --correct and --reason."
        )
    for folder in (images_dir, masks_dir):
        if folder is not None and not folder.is_dir():
            raise ImagesImportError(f"{folder} is not a folder.")


def _read_table(run: _Run, labels_csv: Path, assessed: str) -> _Table:
    """What labels.csv says. Raises TableError where it cannot be read or says nothing."""
    found: list[LabelRow] = []
    table: LabelTable | None = None
    try:
        stated = assessed_of(assessed, run.vocabulary) if assessed else ()
    except LabelError as error:
        raise TableError(f"{error}.", "Separate the findings by |.") from error
    for row in rows(labels_csv, ("image",)):
        if isinstance(row, Problem):
            run.problems.append(row)
            continue
        try:
            table = table or label_table(row.values, run.vocabulary)
            found.append(label_row(row, table))
        except LabelError as error:
            raise TableError(f"{labels_csv} {error}.", "docs/data.md says what a table of labels can have.") from error
        except RowError as error:
            run.problems.append(Problem(labels_csv.name, row.line, str(error)))
    if not found and not run.problems:
        raise TableError(f"{labels_csv} lists no image.", "Give one row for each image.")
    statements = [row.statement for row in found]
    named = assessed_by(table, statements) if table else ()
    read = _Table(labels_csv.name, table.columns if table else (), tuple(found), stated or named, bool(stated))
    run.warnings += table_warnings(read.source, found, table, run.vocabulary, run.study)
    return read


def _import_images(run: _Run, table: _Table, images_dir: Path, table_dir: Path, progress: Report | None) -> None:
    by_sha256 = {image.sha256: image for image in run.study.images.exclude(sha256="")}
    by_name = {image.name: image.sha256 for image in by_sha256.values()}
    labels = labels_stored(run.study)
    with closing(_stored(run, list(table.rows), images_dir, table_dir)) as found:
        for done, (row, stored) in enumerate(found, start=1):
            if isinstance(stored, str):
                problem: str | None = stored
            elif (known := by_sha256.get(stored.sha256)) is not None:
                problem = _known_image(run, table, row, known, labels.get(known.pk, {}))
            elif by_name.get(row.image, stored.sha256) != stored.sha256:
                problem = f"another file is in the study under the name {row.image}"
            elif run.study.status != Study.Status.DRAFT:
                problem = f"it is not in the study, which is {run.study.get_status_display()} and takes no image"
            else:
                image = _import_image(run, table, row, stored)
                by_sha256[stored.sha256], by_name[row.image], problem = image, stored.sha256, None
            if problem is not None:
                run.problems.append(Problem(table.source, row.line, problem))
            if progress is not None:
                progress(done, len(table.rows))
    for finding, count in run.held.items():
        reason = (
            f"{finding} is not assessed on {count} {'image' if count == 1 else 'images'} of the study but named in "
            "this table: to make it negative there, import with --correct and --reason"
        )
        run.warnings.append(Problem(table.source, None, reason))


def _stored(
    run: _Run, wanted: list[LabelRow], images_dir: Path, table_dir: Path
) -> Generator[tuple[LabelRow, StoredImage | str]]:
    """Decode and store the files on all cores, in order; Pillow leaves the interpreter to others meanwhile.

    Close it: then no file is written any more, and all that were are among the run's.
    """

    def store(row: LabelRow) -> StoredImage | str:
        try:
            stored = image_store(_locate(row.file, images_dir, table_dir), view=row.view)
        except (FileError, RowError) as error:
            return f"{row.file}: {error}"
        if stored.created:
            run.files_created.append(stored.file)
        return stored

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        try:
            yield from zip(wanted, pool.map(store, wanted), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _locate(file: str, images_dir: Path, table_dir: Path) -> Path:
    """The file of a row, in the images folder; named as seen from there or from the table. Raises RowError."""
    named = Path(file)
    if named.is_absolute() or ".." in named.parts:
        raise RowError("only files inside the images folder are read")
    for folder in (images_dir, table_dir):
        path = (folder / named).resolve()
        if path.is_file():
            if not path.is_relative_to(images_dir):
                raise RowError("only files inside the images folder are read")
            return path
    raise RowError(f"there is no such file in {images_dir}")


def _known_image(run: _Run, table: _Table, row: LabelRow, known: Image, stored: Mapping[str, str]) -> str | None:
    """Count an image that is in the study already; correct it or say why not where the row says otherwise."""
    if (earlier := run.seen.get(known.pk)) is not None:
        if _facts(table, row) != _facts(table, earlier) or row.statement != earlier.statement:
            return f"the file is {known.name} of line {earlier.line}, with other labels or facts there: say one of them"
        run.known += 1
        return None
    run.seen[known.pk] = row
    labels = labels_said(stored, row.statement, table.assessed if table.stated else ())
    inferred = [finding for finding in labels_of_row(row.statement, table.assessed) if finding not in labels]
    inferred = [finding for finding in inferred if finding not in stored]
    if run.order is not None:
        labels |= dict.fromkeys(inferred, Label.State.NEGATIVE.value)
    else:
        run.held.update(inferred)
    said = Facts(_facts(table, row), labels)
    if not (changes := changes_of(known, said, stored)):
        run.known += 1
        return None
    if run.order is None:
        differences = "; ".join(map(str, changes))
        where = f"the file is in the study already, as {known.name}, with other labels or facts"
        return f"{where}: {differences}; {HOW_TO_CORRECT}"
    try:
        image_correct(image=known, said=said, order=run.order)
    except StudyError as error:
        return str(error)
    run.corrected += 1
    return None


def _facts(table: _Table, row: LabelRow) -> dict[str, Any]:
    """What the row says besides labels: of each column that the table has, an empty cell too."""
    columns = {"patient_id": "patient", "age": "age", "sex": "sex", "view": "view", "dataset": "dataset"}
    return {name: getattr(row, name) for column, name in columns.items() if column in table.columns}


def _import_image(run: _Run, table: _Table, row: LabelRow, stored: StoredImage) -> Image:
    image = Image.objects.create(
        study=run.study,
        sha256=stored.sha256,
        file=stored.file,
        name=row.image,
        patient=row.patient,
        age=row.age,
        sex=row.sex,
        view=row.view,
        dataset=row.dataset,
        width=stored.width,
        height=stored.height,
        bits=stored.bits,
        technical=stored.technical,
        doubts=list(stored.doubts),
        created_at=run.now,
    )
    run.seen[image.pk] = row
    run.labels[image.pk] = labels_of_row(row.statement, table.assessed)
    run.added += 1
    return image


def _remove_unused(files: list[str]) -> None:
    """Remove those of a run's new files that no study uses: of rows that were refused, or of all where it broke off."""
    used = {
        *Image.objects.filter(file__in=files).values_list("file", flat=True),
        *Annotation.objects.filter(mask__in=files).values_list("mask", flat=True),
    }
    for file in files:
        if file not in used:
            media_remove(file)
