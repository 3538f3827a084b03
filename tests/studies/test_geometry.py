"""Files that lie on their side or have oblong pixels come in upright and square, with their boxes and masks."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from readerstudy.lib.media import media_path
from readerstudy.studies.models import Annotation, Study
from readerstudy.studies.services import images_import
from tests.explainer.radiographs.made import HEIGHT, WIDTH, chest, content, dataset
from tests.factories.studies import NOW, make_study, png, write_labels
from tests.typed import present

pytestmark = pytest.mark.django_db

#: The bright square of `chest`: columns and rows.
SQUARE = (45, 10, 20, 20)


@pytest.fixture
def study() -> Study:
    return make_study()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """oblong.dcm, whose pixels are twice as wide as high, and turned.png, stored lying on its left side."""
    (tmp_path / "oblong.dcm").write_bytes(content(dataset(chest(), PixelSpacing=[0.2, 0.4])))
    exif, stream = Picture.Exif(), io.BytesIO()
    exif[0x0112] = 6
    lying = np.ascontiguousarray(np.rot90((chest() // 16).astype(np.uint8)))
    Picture.fromarray(lying).save(stream, format="PNG", exif=exif)
    (tmp_path / "turned.png").write_bytes(stream.getvalue())
    return tmp_path


ROWS = ["oblong.dcm,Mass,1,61,F,PA,oblong.dcm", "turned.png,Mass,2,50,M,PA,turned.png"]


def stored(study: Study, name: str) -> np.ndarray:
    with Picture.open(media_path(study.images.get(name=name).file)) as picture:
        return np.asarray(picture).astype(float)


def test_boxes_follow(study: Study, folder: Path):
    x, y, width, height = SQUARE
    (folder / "boxes.csv").write_text(
        "image,finding,x,y,width,height\n"
        + "".join(f"{name},Mass,{x},{y},{width},{height}\n" for name in ("oblong.dcm", "turned.png"))
        + f"oblong.dcm,Mass,{WIDTH},10,20,20\n"
    )

    record = images_import(
        study=study, images_dir=folder, labels_csv=write_labels(folder, ROWS), boxes_csv=folder / "boxes.csv", now=NOW
    )

    (problem,) = record.problems
    assert f"leaves oblong.dcm, which has {WIDTH} x {HEIGHT} pixels" in problem["reason"]
    oblong, turned = study.images.order_by("name")
    assert (oblong.width, oblong.height) == (2 * WIDTH, HEIGHT)
    assert (turned.width, turned.height) == (WIDTH, HEIGHT)
    for box in Annotation.objects.all():
        pixels = stored(study, box.image.name)
        bright = pixels > 0.98 * pixels.max()
        at_x, at_y, across, down = (present(side) for side in (box.x, box.y, box.width, box.height))
        inside = bright[int(at_y) : int(at_y + down), int(at_x) : int(at_x + across)]
        assert inside.mean() >= 0.95
        assert inside.sum() >= 0.95 * bright[:90].sum()


def test_masks_follow(study: Study, folder: Path):
    x, y, width, height = SQUARE
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    drawn[y : y + height, x : x + width] = 255
    (folder / "masks").mkdir()
    (folder / "masks" / "oblong__Mass.png").write_bytes(png(drawn))
    (folder / "masks" / "turned__Mass.png").write_bytes(png(np.ascontiguousarray(np.rot90(drawn))))

    record = images_import(
        study=study, images_dir=folder, labels_csv=write_labels(folder, ROWS), masks_dir=folder / "masks", now=NOW
    )

    assert record.problems == []
    for annotation in Annotation.objects.all():
        pixels = stored(study, annotation.image.name)
        with Picture.open(media_path(annotation.mask)) as mask:
            inside = np.asarray(mask) > 0
        assert inside.shape == pixels.shape
        assert np.median(pixels[inside]) == pixels.max()
        assert inside.sum() == pytest.approx(400 * pixels.size / (HEIGHT * WIDTH))


def test_how_black_and_white_were_decided_stays_with_the_image(study: Study, folder: Path):
    (folder / "dark.dcm").write_bytes(content(dataset(chest(), bits=16)))

    images_import(
        study=study,
        images_dir=folder,
        labels_csv=write_labels(folder, ["dark.dcm,Mass,3,61,F,PA,dark.dcm", *ROWS]),
        now=NOW,
    )

    assert {image.name: image.technical["window_from"] for image in study.images.all()} == {
        "dark.dcm": "range in use",
        "oblong.dcm": "declared range",
        "turned.png": "declared range",
    }
    assert stored(study, "dark.dcm").min() == 0
    assert stored(study, "dark.dcm").max() == 65535


@pytest.mark.shared_data
def test_a_box_on_a_jpeg_that_lies_on_its_side_is_taken(study: Study, shared_data_dir: Path):
    folder = shared_data_dir / "faults" / "jpeg_exif_orientation"

    record = images_import(
        study=study, images_dir=folder, labels_csv=folder / "labels.csv", boxes_csv=folder / "boxes.csv", now=NOW
    )

    assert record.problems == []
    assert stored(study, "x.jpg")[25:75, 181:231].min() > 150
