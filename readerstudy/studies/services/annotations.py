"""Import of what experts drew: boxes from a table, masks from image files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from explainer.catalogue.findings import NO_FINDING, Vocabulary
from explainer.radiographs import Placement, placement_from
from readerstudy.studies.files import FileError, mask_store
from readerstudy.studies.models import Annotation, Image, Study
from readerstudy.studies.tables import BoxRow, Problem, RowError, box_row, finding_name, rows

BOX_COLUMNS = ("image", "finding", "x", "y", "width", "height")
MASK_COLUMNS = ("image", "finding", "file")
MASKS_TABLE = "masks.csv"
# Phantoms come with masks of their planted shortcuts, which are no findings.
SHORTCUT = "shortcut"


def boxes_import(study: Study, boxes_csv: Path, vocabulary: Vocabulary, problems: list[Problem]) -> int:
    """Add the boxes of a table to the study's images; returns how many are new."""
    images = _images(study)
    added = 0
    for row in rows(boxes_csv, BOX_COLUMNS):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            box = box_row(row, vocabulary)
            image = _image(images, box.image, box.finding)
            placement = _placement(image)
            _check_inside(box, image, placement)
        except RowError as error:
            problems.append(Problem(boxes_csv.name, row.line, str(error)))
            continue
        x, y, width, height = placement.box(box.x, box.y, box.width, box.height)
        _, new = Annotation.objects.get_or_create(
            image=image, finding=box.finding, x=x, y=y, width=width, height=height
        )
        added += new
    return added


def masks_import(
    study: Study, masks_dir: Path, vocabulary: Vocabulary, problems: list[Problem], files_created: list[str]
) -> int:
    """Add mask images; returns how many are new.

    masks.csv (image, finding, file), in the folder or beside it, says which mask is whose; without it the files must be
    called IMAGE__FINDING.png, with the image's name without ending and underscores for the finding's spaces.
    """
    root = masks_dir.resolve()
    tables = [path for path in (root / MASKS_TABLE, root.parent / MASKS_TABLE) if path.is_file()]
    images = _images(study)
    if tables:
        found = _from_table(tables[0], root, vocabulary, problems)
    else:
        found = _from_names(root, images, vocabulary, problems)
    added = 0
    for mask in found:
        try:
            image = _image(images, mask.image, mask.finding)
            name, created = mask_store(mask.path, placement=_placement(image))
        except (RowError, FileError) as error:
            problems.append(Problem(mask.source, mask.line, f"{mask.path.name}: {error}"))
            continue
        if created:
            files_created.append(name)
        _, new = Annotation.objects.get_or_create(image=image, finding=mask.finding, mask=name)
        added += new
    return added


@dataclass(frozen=True)
class _Mask:
    """A mask file and whose it is; `source` and `line` are where that was found."""

    source: str
    line: int | None
    image: str
    finding: str
    path: Path


def _from_table(table: Path, root: Path, vocabulary: Vocabulary, problems: list[Problem]) -> Iterator[_Mask]:
    for row in rows(table, MASK_COLUMNS):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            file = row.required("file")
            path = _inside(root, table.parent / file)
            finding = finding_name(row.required("finding"), vocabulary)
            yield _Mask(table.name, row.line, row.required("image"), finding, path)
        except RowError as error:
            problems.append(Problem(table.name, row.line, str(error)))


def _inside(root: Path, path: Path) -> Path:
    resolved = path.resolve()
    if not resolved.is_relative_to(root):
        raise RowError(f"{path.name}: only files inside the masks folder are read")
    return resolved


def _from_names(
    root: Path, images: dict[str, Image], vocabulary: Vocabulary, problems: list[Problem]
) -> Iterator[_Mask]:
    by_stem = {Path(name).stem: image for name, image in images.items()}
    for path in sorted(root.glob("*.png")):
        stem, separator, name = path.stem.rpartition("__")
        if name == SHORTCUT:
            continue
        image = by_stem.get(stem)
        if not separator or image is None:
            reason = "no image of the study belongs to it" if separator else "it is not called IMAGE__FINDING.png"
            problems.append(Problem(path.name, None, reason))
            continue
        # The texts of labels that the vocabulary does not know have their blanks as underscores too.
        own = {finding.replace(" ", "_"): finding for finding in image.findings}
        yield _Mask(path.name, None, image.name, vocabulary.name(name) or own.get(name, name.replace("_", " ")), path)


def _images(study: Study) -> dict[str, Image]:
    return {image.name: image for image in study.images.exclude(file="").prefetch_related("labels")}


def _image(images: dict[str, Image], name: str, finding: str) -> Image:
    image = images.get(name)
    if image is None:
        raise RowError(f"no image {name} is in the study")
    if finding not in image.findings:
        state = next((label.state for label in image.labels.all() if label.finding == finding), "not assessed")
        labels = ", ".join(image.findings) or NO_FINDING
        raise RowError(f"it shows {finding} on {name}, where {finding} is {state}; the labels are: {labels}")
    return image


def _placement(image: Image) -> Placement:
    """How the stored picture lies on the pixels of the imported file, in which experts draw."""
    return placement_from(image.technical.get("placement"), width=image.width or 0, height=image.height or 0)


def _check_inside(box: BoxRow, image: Image, placement: Placement) -> None:
    width, height = placement.turned_size
    if box.outside(width, height):
        raise RowError(
            f"the box ({box.x:g}, {box.y:g}) + ({box.width:g} x {box.height:g}) leaves {image.name}, "
            f"which has {width} x {height} pixels"
        )
