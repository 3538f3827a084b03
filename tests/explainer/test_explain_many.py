"""Many cases together: each result as if alone, in order, and one bad case does not cost the others theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

import explainer
from explainer import run
from explainer.errors import (
    ExplainerError,
    NoGradientError,
    PredictionError,
    RadiographError,
    TargetError,
    UnknownModelError,
)
from explainer.images import load_array
from explainer.loaded import classifier_of_process
from explainer.scores import score
from explainer.types import ExplanationRequest
from tests.explainer.models import write_pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import Tensor

    from explainer.classifiers import Classifier

SETTINGS = {
    "integrated_gradients": {"steps": 6},
    "iterative_delete": {"iterations": 3},
    "latent_shift": {"frames": 5},
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_pair(tmp_path_factory.mktemp("models") / "pair"))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    paths = [folder / f"{number}.png" for number in range(5)]
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 256, (70, 70), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return paths


def request(image: Path, pair: str, target: str = "Mass", **changes: Any) -> ExplanationRequest:
    values = {"autoencoder": pair, "parameters": SETTINGS, "device": "cpu", **changes}
    return ExplanationRequest(image=image, target=target, classifier=pair, **values)


def test_cases_together_have_the_results_that_they_have_alone(images: list[Path], pair: str) -> None:
    requests = [request(path, pair, target) for path, target in zip(images, ["Mass", "Effusion"] * 3, strict=False)]
    together = list(explainer.explain_many(requests, batch_size=4))
    assert [asked for asked, _ in together] == requests
    for asked, found in together:
        alone = explainer.explain(asked)
        assert found.maps.keys() == alone.maps.keys()
        for method, values in alone.maps.items():
            np.testing.assert_allclose(found.maps[method], values, rtol=1e-4, atol=1e-5 * float(values.max()))
        assert found.scores == pytest.approx(alone.scores, rel=1e-5)
        assert found.counterfactual is not None
        assert alone.counterfactual is not None
        np.testing.assert_allclose(found.counterfactual.lambdas, alone.counterfactual.lambdas, rtol=1e-4)
        assert found.counterfactual.evaluations == alone.counterfactual.evaluations


def test_requests_of_several_kinds_keep_their_order(images: list[Path], pair: str) -> None:
    requests = [
        request(images[0], pair),
        request(images[1], pair, methods=("input_gradient",)),
        request(images[2], pair, methods=("input_gradient",)),
        request(images[3], pair, scoring="paper", methods=("input_gradient",)),
        request(images[4], pair),
    ]
    found = list(explainer.explain_many(requests, batch_size=8))
    assert [asked for asked, _ in found] == requests
    assert [explanation.provenance.scoring for _, explanation in found] == ["calibrated"] * 3 + ["paper", "calibrated"]


def test_what_is_wrong_with_one_request_is_reported_for_it_alone(images: list[Path], pair: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(images[0].read_bytes()[:200])
    requests = [
        request(images[0], pair),
        request(damaged, pair),
        request(images[1], pair, target="Gout"),
        request(images[2], pair),
        request(images[3], "nowhere"),
    ]
    errors: list[tuple[ExplanationRequest, ExplainerError]] = []
    found = list(explainer.explain_many(requests, batch_size=8, on_error=lambda *both: errors.append(both)))
    assert [asked for asked, _ in found] == [requests[0], requests[3]]
    assert [(asked, type(error)) for asked, error in errors] == [
        (requests[1], RadiographError),
        (requests[2], TargetError),
        (requests[4], UnknownModelError),
    ]
    with pytest.raises(RadiographError):
        list(explainer.explain_many(requests))


def test_a_case_without_a_gradient_does_not_take_its_batch_with_it(
    images: list[Path], pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = classifier_of_process(pair, "cpu")
    blind_to = explainer.load_image(images[2], classifier)
    forward = type(classifier).forward

    def partly_blind(self: Classifier, x: Tensor) -> Tensor:
        seen = torch.tensor([not torch.equal(one, blind_to[0]) for one in x.detach()])
        return forward(self, torch.where(seen[:, None, None, None], x, x.detach()))

    monkeypatch.setattr(type(classifier), "forward", partly_blind)
    errors = []
    requests = [request(path, pair, methods=("input_gradient",)) for path in images]
    found = list(explainer.explain_many(requests, batch_size=5, on_error=lambda asked, _: errors.append(asked)))
    assert errors == [requests[2]]
    assert [asked for asked, _ in found] == [*requests[:2], *requests[3:]]
    with pytest.raises(NoGradientError):
        explainer.explain(requests[2])


def test_an_image_of_which_the_classifier_makes_nan_does_not_take_its_batch_with_it(
    images: list[Path], pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = classifier_of_process(pair, "cpu")
    bad = explainer.load_image(images[1], classifier)
    forward = type(classifier.network).forward

    def broken(self: object, x: Tensor) -> Tensor:
        logits = forward(self, x)
        is_bad = torch.tensor([torch.equal(one, bad[0]) for one in x])
        return torch.where(is_bad[:, None], float("nan"), logits)

    monkeypatch.setattr(type(classifier.network), "forward", broken)
    failed: list[tuple[Path, str]] = []
    scored = dict(score(images, classifier, on_error=lambda path, error: failed.append((path, str(error)))))
    assert list(scored) == [images[0], *images[2:]]
    assert [path for path, _ in failed] == [images[1]]
    assert "not finite (NaN) for 1 of 1 images" in failed[0][1]
    with pytest.raises(PredictionError):
        list(score(images, classifier))


def test_files_are_read_no_further_ahead_than_the_next_batch(
    images: list[Path], pair: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def noted(path: Path, **options: Any) -> object:
        read.append(path.name)
        return load_array(path, **options)

    monkeypatch.setattr(run, "load_array", noted)
    requests = [request(path, pair, methods=("input_gradient",)) for path in images]
    results: Iterator[object] = explainer.explain_many(requests, batch_size=1)
    next(results)
    assert len(read) <= 2
    assert len(list(results)) == 4


def test_the_same_request_gives_the_same_bytes(images: list[Path], pair: str) -> None:
    first, second = explainer.explain(request(images[0], pair)), explainer.explain(request(images[0], pair))
    for method, values in first.maps.items():
        assert values.tobytes() == second.maps[method].tobytes()
    assert first.counterfactual is not None
    assert second.counterfactual is not None
    assert first.counterfactual.frames.tobytes() == second.counterfactual.frames.tobytes()
    assert first.counterfactual.predictions == second.counterfactual.predictions
