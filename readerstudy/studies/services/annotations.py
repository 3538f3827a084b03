"""Import of what experts drew: boxes from a table, masks from image files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from analysis.data.tables import alike
from explainer.catalogue.findings import NO_FINDING, Vocabulary
from explainer.radiographs import Placement, placement_from
from readerstudy.studies.image_files import FileError, mask_store
from readerstudy.studies.import_tables import BoxRow, Problem, RowError, box_row, finding_name, rows
from readerstudy.studies.models import Image, Study
from readerstudy.studies.services.corrections import (
    CorrectionOrder,
    Drawing,
    Facts,
    changes_of,
    drawings_store,
    image_correct,
    selection_outdate,
)
from readerstudy.studies.services.study import StudyError

BOX_COLUMNS = ("image", "finding", "x", "y", "width", "height")
MASK_COLUMNS = ("image", "finding", "file")
MASKS_TABLE = "masks.csv"
# Phantoms come with masks of their planted shortcuts, which are no findings.
SHORTCUT = "shortcut"
HOW_TO_CORRECT = "import with --correct and --reason to take that over, or leave it out"


@dataclass
class _Drawn:
    """All that a table or folder shows of one finding on one image, and where it first does."""

    image: Image
    source: str
    line: int | None
    drawings: list[Drawing] = field(default_factory=list)


Collected = dict[tuple[int, str], _Drawn]  # by image and finding


def boxes_import(
    study: Study, boxes_csv: Path, vocabulary: Vocabulary, problems: list[Problem], order: CorrectionOrder | None
) -> int:
    """Add the boxes of a table to the study's images; returns how many are new.

    Where boxes of the finding are stored already and the table has others, that is a problem, or corrected by `order`:
    a second box is not put beside the first because the first was moved.
    """
    images, named = _images(study), []
    found: Collected = {}
    for row in rows(boxes_csv, BOX_COLUMNS):
        if isinstance(row, Problem):
            problems.append(row)
            continue
        try:
            box = box_row(row, vocabulary)
            named.append(box.image)
            image = _image(images, box.image, box.finding)
            drawing = box_drawn(box, image)
        except RowError as error:
            problems.append(Problem(boxes_csv.name, row.line, str(error)))
            continue
        _collect(found, image, box.finding, drawing, Problem(boxes_csv.name, row.line, ""))
    problems += _misnamed(boxes_csv.name, images, named)
    return _store(found, problems, order)


def masks_import(
    study: Study,
    masks_dir: Path,
    vocabulary: Vocabulary,
    problems: list[Problem],
    order: CorrectionOrder | None,
    files_created: list[str],
) -> int:
    """Add mask images; returns how many are new. Other masks than those that are stored are as other boxes are.

    masks.csv (image, finding, file), in the folder or beside it, says which mask is whose; without it the files must be
    called IMAGE__FINDING.png, with the image's name without ending and underscores for the finding's spaces.
    """
    root = masks_dir.resolve()
    tables = [path for path in (root / MASKS_TABLE, root.parent / MASKS_TABLE) if path.is_file()]
    images = _images(study)
    masks = (
        _from_table(tables[0], root, vocabulary, problems)
        if tables
        else _from_names(root, images, vocabulary, problems)
    )
    found: Collected = {}
    named = []
    for mask in masks:
        named.append(mask.image)
        try:
            image = _image(images, mask.image, mask.finding)
            name, created = mask_store(mask.path, placement=_placement(image))
        except (RowError, FileError) as error:
            problems.append(Problem(mask.source, mask.line, f"{mask.path.name}: {error}"))
            continue
        if created:
            files_created.append(name)
        _collect(found, image, mask.finding, {"mask": name}, Problem(mask.source, mask.line, ""))
    problems += _misnamed(masks_dir.name, images, named)
    return _store(found, problems, order)


def box_drawn(box: BoxRow, image: Image) -> Drawing:
    """A box of the imported file as it is stored. Raises RowError where it leaves the image."""
    placement = _placement(image)
    _check_inside(box, image, placement)
    x, y, width, height = placement.box(box.x, box.y, box.width, box.height)
    return {"x": x, "y": y, "width": width, "height": height}


def _collect(found: Collected, image: Image, finding: str, drawing: Drawing, place: Problem) -> None:
    drawn = found.setdefault((image.pk, finding), _Drawn(image, place.source, place.line))
    if drawing not in drawn.drawings:
        drawn.drawings.append(drawing)


def _store(found: Collected, problems: list[Problem], order: CorrectionOrder | None) -> int:
    added = 0
    for (_, finding), drawn in found.items():
        image = drawn.image
        changes = changes_of(image, said := Facts(drawn={finding: drawn.drawings}))
        if not changes:
            continue
        if not changes[0].before and image.study.status == Study.Status.DRAFT:
            added += drawings_store(image, finding, drawn.drawings)
            if image.cases.filter(target=finding).exists():
                selection_outdate(image.study, f"what an expert drew of {finding} on {image.name} was added")
            continue
        reason = f"{image.name}: {changes[0]}; {HOW_TO_CORRECT}"
        if order is not None:
            try:
                image_correct(image=image, said=said, order=order)
                continue
            except StudyError as error:
                reason = str(error)
        problems.append(Problem(drawn.source, drawn.line, reason))
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


def _misnamed(source: str, images: dict[str, Image], named: Iterable[str]) -> Iterator[Problem]:
    """Names that no image has, beside the image that may be meant."""
    strangers = [name for name in dict.fromkeys(named) if name not in images]
    for group in alike([*strangers, *images]) if strangers else ():
        if any(name in images for name in group) and any(name not in images for name in group):
            names = " and ".join(group)
            yield Problem(
                source, None, f"{names} differ only in case, blanks, leading zeros or .0: write the image's name"
            )


def _images(study: Study) -> dict[str, Image]:
    return {
        image.name: image for image in study.images.exclude(file="").select_related("study").prefetch_related("labels")
    }


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
