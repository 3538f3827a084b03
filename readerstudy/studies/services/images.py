"""Import of images with their labels and the experts' annotations: what can be used comes in, the rest is reported."""

import os
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import transaction

from explainer.catalogue.findings import Vocabulary
from explainer.datasets.labels import LabelError, LabelTable, assessed_by, assessed_of, label_table
from readerstudy.lib.media import media_remove
from readerstudy.studies.files import FileError, StoredImage, image_store
from readerstudy.studies.models import Annotation, Image, Import, Study
from readerstudy.studies.services.annotations import boxes_import, masks_import
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.development import development_mark
from readerstudy.studies.services.labels import label_changes, labels_of_row, labels_store, labels_stored
from readerstudy.studies.services.warnings import table_warnings
from readerstudy.studies.tables import LabelRow, Problem, RowError, TableError, label_row, rows
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
    files_created: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    labels: dict[int, dict[str, str]] = field(default_factory=dict)  # of new images
    added: int = 0
    known: int = 0


@dataclass(frozen=True)
class _Table:
    """The rows of labels.csv that can be used, and what the table assessed: as stated, else what it names anywhere."""

    source: str
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
    now: datetime,
    progress: Report | None = None,
) -> Import:
    """Bring in the images that labels_csv lists, with boxes and masks.

    `assessed` lists the findings (`A|B`) that the labels are about: a finding that is neither listed in a row nor
    otherwise said of is negative there if the table assessed it, and has no label else. Where it is not given, those
    count that the table names anywhere. A row's own list goes first.

    `progress` is called with how many images are done and how many there are. A row that cannot be used is a problem of
    the returned Import and leaves nothing behind; an import that is broken off changes nothing; run again, only what is
    missing is added. Raises ImagesImportError where a table or folder cannot be read, and where the study is not being
    prepared any more.
    """
    _check(study, images_dir, masks_dir)
    run = _Run(study, vocabulary_of(study), now)
    try:
        with transaction.atomic():
            Study.objects.select_for_update().get(pk=study.pk)  # two imports at once would count one image twice
            table = _read_table(run, labels_csv, assessed)
            _import_images(run, table, images_dir.resolve(), labels_csv.resolve().parent, progress)
            labels_store(run.labels)
            annotations = 0
            if boxes_csv is not None:
                annotations += boxes_import(study, boxes_csv, run.vocabulary, run.problems)
            if masks_dir is not None:
                annotations += masks_import(study, masks_dir, run.vocabulary, run.problems, run.files_created)
            development_mark(study=study)
            record = Import.objects.create(
                study=study,
                created_at=now,
                images_added=run.added,
                images_known=run.known,
                annotations_added=annotations,
                problems=[asdict(problem) for problem in run.problems],
                warnings=[asdict(warning) for warning in run.warnings],
                assessed=list(table.assessed),
                assessed_stated=table.stated,
            )
            detail = {
                "added": run.added,
                "known": run.known,
                "annotations": annotations,
                "problems": len(run.problems),
                "assessed": list(table.assessed),
            }
            audit(study=study, actor=None, action="images_import", detail=detail, now=now)
    except TableError as error:
        raise ImagesImportError(str(error)) from error
    finally:
        _remove_unused(run.files_created)
    return record


def _check(study: Study, images_dir: Path, masks_dir: Path | None) -> None:
    if study.status != Study.Status.DRAFT:
        raise ImagesImportError(f"{study.slug} is {study.get_status_display()}; images go into a study in preparation.")
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
    read = _Table(labels_csv.name, tuple(found), stated or named, bool(stated))
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
                problem = _known_image(run, table, row, known, labels.get(known.pk) or run.labels[known.pk])
            elif by_name.get(row.image, stored.sha256) != stored.sha256:
                problem = f"another file is in the study under the name {row.image}"
            else:
                image = _import_image(run, table, row, stored)
                by_sha256[stored.sha256], by_name[row.image], problem = image, stored.sha256, None
            if problem is not None:
                run.problems.append(Problem(table.source, row.line, problem))
            if progress is not None:
                progress(done, len(table.rows))


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
    """Count an image that is in the study already, or say where the row differs from what is stored."""
    changes = label_changes(stored, row.statement, table.assessed if table.stated else ())
    if not changes and row.patient == known.patient:
        run.known += 1
        return None
    differences = [str(change) for change in changes]
    if row.patient != known.patient:
        differences.append(f"patient {known.patient or 'not given'}, here {row.patient or 'not given'}")
    return (
        f"the file is in the study already, as {known.name}, with other labels or another patient: "
        f"{'; '.join(differences)}"
    )


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
