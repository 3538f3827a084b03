"""Import of images with their labels and the experts' annotations: what can be used comes in, the rest is reported."""

import os
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import transaction

from readerstudy.lib.media import media_remove
from readerstudy.studies.files import FileError, StoredImage, image_store
from readerstudy.studies.models import Annotation, Image, Import, Study
from readerstudy.studies.services.annotations import boxes_import, masks_import
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.development import development_mark
from readerstudy.studies.tables import LabelRow, Problem, RowError, TableError, label_row, rows

LABEL_COLUMNS = ("image", "findings")
Report = Callable[[int, int], None]


class ImagesImportError(Exception):
    """An import that could not begin; the message says why and what to do. Nothing was changed."""


@dataclass
class _Run:
    """What one import has done so far."""

    study: Study
    now: datetime
    files_created: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    added: int = 0
    known: int = 0


def images_import(
    *,
    study: Study,
    images_dir: Path,
    labels_csv: Path,
    boxes_csv: Path | None = None,
    masks_dir: Path | None = None,
    now: datetime,
    progress: Report | None = None,
) -> Import:
    """Bring in the images that labels_csv lists, with boxes and masks.

    `progress` is called with how many images are done and how many there are. A row that cannot be used is a problem of
    the returned Import and leaves nothing behind; an import that is broken off changes nothing; run again, only what is
    missing is added. Raises ImagesImportError where a table or folder cannot be read, and where the study is not being
    prepared any more.
    """
    _check(study, images_dir, masks_dir)
    run = _Run(study, now)
    try:
        with transaction.atomic():
            Study.objects.select_for_update().get(pk=study.pk)  # two imports at once would count one image twice
            _import_images(run, images_dir.resolve(), labels_csv, progress)
            annotations = 0
            if boxes_csv is not None:
                annotations += boxes_import(study, boxes_csv, run.problems)
            if masks_dir is not None:
                annotations += masks_import(study, masks_dir, run.problems, run.files_created)
            development_mark(study=study)
            record = Import.objects.create(
                study=study,
                created_at=now,
                images_added=run.added,
                images_known=run.known,
                annotations_added=annotations,
                problems=[asdict(problem) for problem in run.problems],
            )
            detail = {"added": run.added, "known": run.known, "annotations": annotations, "problems": len(run.problems)}
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


def _import_images(run: _Run, images_dir: Path, labels_csv: Path, progress: Report | None) -> None:
    source = labels_csv.name
    wanted: list[LabelRow] = []
    for row in rows(labels_csv, LABEL_COLUMNS):
        if isinstance(row, Problem):
            run.problems.append(row)
            continue
        try:
            wanted.append(label_row(row))
        except RowError as error:
            run.problems.append(Problem(source, row.line, str(error)))
    if not wanted and not run.problems:
        raise TableError(f"{labels_csv} lists no image.", "Give one row for each image.")
    by_sha256 = {image.sha256: image for image in run.study.images.exclude(sha256="")}
    by_name = {image.name: image.sha256 for image in by_sha256.values()}
    with closing(_stored(run, wanted, images_dir, labels_csv.resolve().parent)) as found:
        for done, (label, stored) in enumerate(found, start=1):
            problem = stored if isinstance(stored, str) else _import_image(run, label, stored, by_sha256, by_name)
            if problem is not None:
                run.problems.append(Problem(source, label.line, problem))
            if progress is not None:
                progress(done, len(wanted))


def _stored(
    run: _Run, wanted: list[LabelRow], images_dir: Path, table_dir: Path
) -> Generator[tuple[LabelRow, StoredImage | str]]:
    """Decode and store the files on all cores, in order; Pillow leaves the interpreter to others meanwhile.

    Close it: then no file is written any more, and all that were are among the run's.
    """

    def store(row: LabelRow) -> StoredImage | str:
        try:
            stored = image_store(_locate(row.file, images_dir, table_dir))
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


def _import_image(
    run: _Run, row: LabelRow, stored: StoredImage, by_sha256: dict[str, Image], by_name: dict[str, str]
) -> str | None:
    """Add one image, or say why not."""
    if (known := by_sha256.get(stored.sha256)) is not None:
        if list(row.findings) != known.findings or row.patient != known.patient:
            return f"the file is in the study already, as {known.name}, with other labels or another patient"
        run.known += 1
        return None
    if by_name.get(row.image, stored.sha256) != stored.sha256:
        return f"another file is in the study under the name {row.image}"
    image = Image.objects.create(
        study=run.study,
        sha256=stored.sha256,
        file=stored.file,
        name=row.image,
        patient=row.patient,
        age=row.age,
        sex=row.sex,
        view=row.view,
        findings=list(row.findings),
        dataset=row.dataset,
        width=stored.width,
        height=stored.height,
        bits=stored.bits,
        technical=stored.technical,
        created_at=run.now,
    )
    by_sha256[stored.sha256], by_name[row.image] = image, stored.sha256
    run.added += 1
    return None


def _remove_unused(files: list[str]) -> None:
    """Remove those of a run's new files that no study uses: of rows that were refused, or of all where it broke off."""
    used = {
        *Image.objects.filter(file__in=files).values_list("file", flat=True),
        *Annotation.objects.filter(mask__in=files).values_list("mask", flat=True),
    }
    for file in files:
        if file not in used:
            media_remove(file)
