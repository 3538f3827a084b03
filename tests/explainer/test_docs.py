"""The examples of docs/latent-shift.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from explainer.phantoms.render import draw

PAGE = Path(__file__).resolve().parents[2] / "docs" / "latent-shift.md"


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(draw(0, 1, size=300).pixels).save(tmp_path / "chest.png")
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 3
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(PAGE), "exec"), names)  # noqa: S102
    assert names["maps"].shape == (1, 1, 224, 224)  # type: ignore[attr-defined]
    assert names["attributions"].shape == (4, 3, 32, 32)  # type: ignore[attr-defined]
    printed = capsys.readouterr().out
    assert re.search(r"^Pneumonia \d\.\d+ \{'lower': ", printed, re.MULTILINE)
    assert re.search(r"^Infiltration ", printed, re.MULTILINE)
