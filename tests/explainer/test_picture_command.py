"""`python -m explainer picture` shows what becomes of files, one line each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from explainer.__main__ import main
from tests.explainer.radiographs.made import chest, content, dataset

if TYPE_CHECKING:
    from pathlib import Path

KEYS = (
    *("file", "accepted", "reason", "width", "height", "bits", "photometric", "window_from"),
    *("spacing_corrected", "orientation_applied", "doubts"),
)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    status = main(["picture", *map(str, arguments)])
    return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_it_writes_16_bits_and_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.dcm").write_bytes(content(dataset(chest(), PixelSpacing=[0.2, 0.4])))
    Image.fromarray((chest() // 16).astype(np.uint8)).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("no picture")

    status, lines = run(
        capsys, tmp_path / "a.dcm", tmp_path / "c.png", tmp_path / "b.png", "--out", tmp_path / "o" / "p"
    )

    assert status == 1
    assert [list(line) for line in lines] == [list(KEYS)] * 3
    assert [line["accepted"] for line in lines] == [True, False, True]
    assert lines[0] | {"file": "", "doubts": []} == {
        "file": "",
        "accepted": True,
        "reason": "",
        "width": 144,
        "height": 96,
        "bits": 12,
        "photometric": "MONOCHROME2",
        "window_from": "declared range",
        "spacing_corrected": True,
        "orientation_applied": False,
        "doubts": [],
    }
    assert "neither PNG" in lines[1]["reason"]
    assert lines[1]["file"] == str(tmp_path / "c.png")
    assert sorted(path.name for path in (tmp_path / "o" / "p").iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "o" / "p" / "b.png") as image:
        assert image.mode.startswith("I")
        assert np.array_equal(np.asarray(image), (chest() // 16) * 257)


def test_it_ends_well_where_nothing_was_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray((chest() // 16).astype(np.uint8)).save(tmp_path / "b.png")
    assert run(capsys, tmp_path / "b.png", "--out", tmp_path / "o")[0] == 0


def test_two_files_of_one_stem_do_not_overwrite_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("x.png", "x.jpg"):
        Image.fromarray((chest() // 16).astype(np.uint8)).save(tmp_path / name)
    (tmp_path / "other").mkdir()
    Image.fromarray((chest() // 16).astype(np.uint8)).save(tmp_path / "other" / "x.png")

    assert run(capsys, tmp_path / "x.png", tmp_path / "x.jpg", "--out", tmp_path / "o")[0] == 0
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["x.jpg.png", "x.png.png"]
    with pytest.raises(SystemExit) as ended:
        run(capsys, tmp_path / "x.png", tmp_path / "other" / "x.png", "--out", tmp_path / "p")
    assert ended.value.code == 2
    assert "both become x.png.png" in capsys.readouterr().err


def test_a_file_that_was_given_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray((chest() // 16).astype(np.uint8)).save(tmp_path / "x.png")
    before = (tmp_path / "x.png").read_bytes()
    with pytest.raises(SystemExit) as ended:
        run(capsys, tmp_path / "x.png", "--out", tmp_path)
    assert ended.value.code == 2
    assert (tmp_path / "x.png").read_bytes() == before


@pytest.mark.parametrize("arguments", [[], ["a.png"], ["--out", "o"], ["a.png", "--out", "o", "--fast"]])
def test_wrong_usage_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["picture", *arguments])
    assert ended.value.code == 2
    assert "usage: python -m explainer picture" in capsys.readouterr().err
