"""What a case's files become for a reader: ranks that hold the published marking exactly, pixels and nothing else."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image as Picture

from explainer.rendering import overlay, png
from readerstudy.reading.assets import AssetError, for_reader, marked_percent

SIDE = 224


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def stored(values: np.ndarray, percent: float) -> list[bytes]:
    """A map as a worker stores it: half precision, and the overlay drawn at full precision."""
    picture = overlay(np.full(values.shape, 90, np.uint8), values, percent=percent)
    return [npy((values / values.max()).astype(np.float16)), png(picture)]


def ranks(files: list[bytes], percent: float) -> np.ndarray:
    content_type, data = for_reader("guided_backprop.png", files, percent=percent)
    assert content_type == "image/png"
    with Picture.open(io.BytesIO(data)) as picture:
        assert picture.mode == "L"
        assert picture.info == {}
        return np.asarray(picture)


def marked(files: list[bytes]) -> np.ndarray:
    with Picture.open(io.BytesIO(files[1])) as picture:
        found: np.ndarray = (np.asarray(picture) == (255, 0, 0)).all(axis=2)
        return found


MAPS = {
    "smooth": np.abs(np.sin(np.mgrid[0:SIDE, 0:SIDE][0] / 31) * np.cos(np.mgrid[0:SIDE, 0:SIDE][1] / 17)),
    "nearly equal": 1 + np.random.default_rng(1).random((SIDE, SIDE)) * 1e-4,
    "mostly zero": np.where(np.random.default_rng(2).random((SIDE, SIDE)) > 0.98, 1.0, 0.0),
    "heavy tail": np.random.default_rng(3).pareto(0.5, (SIDE, SIDE)),
}


@pytest.mark.parametrize("percent", [5.0, 0.5, 10.0, 7.5])
@pytest.mark.parametrize("name", MAPS)
def test_the_share_that_was_published_is_marked_exactly(name: str, percent: float):
    files = stored(MAPS[name].astype(np.float32), percent)
    found = ranks(files, percent)
    assert ((found >= 256 - 2 * percent) == marked(files)).all()
    assert marked(files).sum() == round(SIDE * SIDE * percent / 100)


def test_every_other_share_is_marked_as_an_overlay_of_it_would_be():
    values = np.random.default_rng(4).permutation(SIDE * SIDE).reshape(SIDE, SIDE).astype(np.float32) % 2048 + 1
    found = ranks(stored(values, 5.0), 5.0)
    for percent in (0.5, 1, 4.5, 5.5, 20, 50, 100):
        assert ((found >= 256 - 2 * percent) == marked(stored(values, percent))).all(), percent


def test_a_map_that_does_not_fit_its_overlay_is_refused():
    files = stored(MAPS["smooth"].astype(np.float32), 5.0)
    with pytest.raises(AssetError, match="do not belong together"):
        ranks([npy(np.zeros((4, 4), np.float16)), files[1]], 5.0)


def test_pixels_of_a_deep_x_ray_are_passed_on_and_anything_beside_them_is_refused():
    plain = gzip.compress(b"pixels", mtime=0)
    assert for_reader("xray.gz", [plain], percent=5.0) == ("application/octet-stream", plain)
    named = io.BytesIO()
    with gzip.GzipFile("secret-name", "wb", fileobj=named, mtime=0) as stream:
        stream.write(b"pixels")
    for other in (named.getvalue(), gzip.compress(b"pixels", mtime=1_700_000_000), b"no gzip"):
        with pytest.raises(AssetError):
            for_reader("xray.gz", [other], percent=5.0)


@pytest.mark.parametrize(("parameters", "expected"), [({}, 5), ({"percent": 10}, 10), ({"percent": 7.3}, 7.5)])
def test_the_page_begins_with_the_study_s_share(parameters: dict, expected: float):
    assert marked_percent(parameters) == expected
