"""Mass of maps on a finding and on the planted shortcut: by hand, and through the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from explainer.__main__ import main
from explainer.errors import NoGradientError, TargetError
from explainer.evaluation import shortcut
from explainer.evaluation.shortcut import BOTH, FINDING_ONLY, SHORTCUT_ONLY, Measured, mass_share, measure, summarise
from explainer.phantoms import draw
from explainer.run import explain

#: Of series 2, one of the first 12 phantoms has a pneumothorax, without a tube; among the first 40 some have both.
SEED = 2


def measured(group: str, *, finding: float | None, tube: float | None, image: str = "a") -> Measured:
    return Measured(
        image=image,
        target="Pneumothorax",
        group=group,
        method="input_gradient",
        prediction=0.75,
        finding_share=finding,
        finding_area=None if finding is None else 0.125,
        finding_iou=None if finding is None else 0.5,
        shortcut_share=tube,
        shortcut_area=None if tube is None else 0.03125,
        shortcut_iou=None if tube is None else 0.25,
    )


def test_the_share_is_of_the_sum_and_a_uniform_map_has_that_of_the_area() -> None:
    mask = np.zeros((4, 4), dtype=bool)
    mask[0, :2] = True
    values = np.ones((4, 4), dtype=np.float32)
    assert mass_share(values, mask) == mask.mean() == 0.125
    values[0, 0] = 15
    assert mass_share(values, mask) == 16 / 30


def test_groups_are_kept_apart_and_a_region_that_is_not_there_stays_empty() -> None:
    rows = summarise(
        [
            measured(FINDING_ONLY, finding=0.5, tube=None),
            measured(BOTH, finding=0.25, tube=0.5, image="b"),
            measured(BOTH, finding=0.75, tube=0.25, image="c"),
            measured(SHORTCUT_ONLY, finding=None, tube=0.125, image="d"),
        ],
        seed=1,
    )
    assert [(row.group, row.images) for row in rows] == [(BOTH, 2), (FINDING_ONLY, 1), (SHORTCUT_ONLY, 1)]
    both, finding_only, shortcut_only = rows
    assert (both.finding_share, both.shortcut_share, both.finding_area) == (0.5, 0.375, 0.125)
    assert finding_only.shortcut_share is None
    assert shortcut_only.finding_share is None
    # One image has no spread; two have the two values and their middle.
    assert (finding_only.finding_share_low, finding_only.finding_share_high) == (None, None)
    assert (both.finding_share_low, both.finding_share_high) == (0.25, 0.75)


def test_the_interval_is_that_of_the_normal_approximation_for_many_images() -> None:
    shares = np.random.default_rng(0).uniform(0.2, 0.4, 400)
    row = summarise([measured(FINDING_ONLY, finding=float(share), tube=None) for share in shares], seed=3)[0]
    half = 1.96 * shares.std() / np.sqrt(400)
    assert row.finding_share_low == pytest.approx(shares.mean() - half, abs=half / 10)
    assert row.finding_share_high == pytest.approx(shares.mean() + half, abs=half / 10)


@pytest.fixture(scope="module")
def few() -> list[Measured]:
    return measure(pair="phantom-small", count=40, seed=SEED, methods=["input_gradient"], device="cpu", progress=False)


def test_the_phantoms_that_have_the_finding_or_the_shortcut_are_measured(few: list[Measured]) -> None:
    expected = {}
    for index in range(40):
        phantom = draw(SEED, index, size=128)
        if "Pneumothorax" in phantom.masks:
            expected[phantom.name] = FINDING_ONLY if phantom.tube is None else BOTH
        elif phantom.tube is not None:
            expected[phantom.name] = SHORTCUT_ONLY
    assert {one.image: one.group for one in few} == expected
    assert {BOTH, FINDING_ONLY} <= set(expected.values())


def test_areas_are_those_of_the_exact_masks(few: list[Measured]) -> None:
    for one in few:
        phantom = draw(SEED, int(one.image[-5:]))
        if phantom.tube is None:
            assert one.finding_area == pytest.approx(phantom.masks["Pneumothorax"].mean(), rel=0.05)
        else:
            # A tube is three pixels wide at the model's resolution.
            assert one.shortcut_area == pytest.approx(phantom.tube.mean(), rel=0.15)
        for share in (one.finding_share, one.shortcut_share):
            assert share is None or 0 < share < 1


def test_the_command_writes_and_prints_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["--count", "12", "--seed", "2", "--device", "cpu", "--out", str(out)]
    assert main(["evaluate", "shortcut", *arguments, "--method", "input_gradient"]) == 0
    printed = capsys.readouterr()
    assert (out / "shortcut.md").read_text() in printed.out
    assert "phantoms: 100%" in printed.err
    with (out / "shortcut.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    content = json.loads((out / "shortcut.json").read_text())
    assert (row["group"], row["method"], row["images"]) == (FINDING_ONLY, "input_gradient", "1")
    assert float(row["finding_share"]) == content["rows"][0]["finding_share"] == content["images"][0]["finding_share"]
    assert f"{float(row['finding_share']):.1%}" in printed.out
    assert content["provenance"]["command"].startswith("python -m explainer evaluate shortcut --count 12 --seed 2")


def test_too_few_phantoms_are_answered_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--count", "1", "--seed", "2", "--device", "cpu", "--quiet", "--out", str(tmp_path)]
    assert main(["evaluate", "shortcut", *arguments]) == 1
    assert "None of the 1 phantoms has Pneumothorax or the shortcut" in capsys.readouterr().err
    assert main(["evaluate", "shortcut", "--count", "0", "--seed", "2", "--out", str(tmp_path)]) == 2
    assert "--count must be at least 1" in capsys.readouterr().err


def test_a_target_that_the_pair_does_not_predict_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(TargetError, match="does not predict 'Hernia'"):
        measure(pair="phantom-small", count=10**6, seed=0, targets=["Hernia"], device="cpu", progress=False)


def test_a_map_that_cannot_be_had_is_named_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:

    def without_gradient(request: object) -> object:
        if request.methods == ("guided_backprop",):  # type: ignore[attr-defined]
            raise NoGradientError("it is zero everywhere")
        return explain(request)  # type: ignore[arg-type]

    monkeypatch.setattr(shortcut, "explain", without_gradient)
    arguments = ["--count", "12", "--seed", "2", "--device", "cpu", "--quiet", "--out", str(tmp_path)]
    methods = ["--method", "input_gradient", "--method", "guided_backprop"]
    assert main(["evaluate", "shortcut", *arguments, *methods]) == 1
    printed = capsys.readouterr()
    assert "Pneumothorax, guided_backprop: it is zero everywhere" in printed.err
    assert "| input_gradient |" in printed.out
    assert "guided_backprop" not in printed.out
