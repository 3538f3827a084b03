"""Measure a pair on held-out patients: AUC, reconstruction error, Appendix K, effect of Latent Shift."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.errors import NoGradientError
from explainer.methods.lambda_search import REACHED
from explainer.methods.latent_shift import latent_shift
from explainer.training.metrics import FloatArray, area_under_curve, clustered_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from explainer.autoencoders import Autoencoder
    from explainer.classifiers import Classifier
    from explainer.training.data import Dataset

#: Scores above this are positive: calibration puts the operating point here.
POSITIVE = 0.5


@dataclass(frozen=True)
class TargetResult:
    """Results for one target; scores are calibrated, `*_reconstructed` those of the autoencoder's reconstructions.

    `auc_low`, `auc_high`: 95% interval, patients resampled. Of `drop_cases` true positives, the
    search of Latent Shift lowered the reconstruction's score by 0.30 in `drop_reached`, and ended 0.30 below the score
    of the image itself in `drop_reached_from_image`.
    """

    target: str
    positives: int
    negatives: int
    auc: float
    auc_low: float
    auc_high: float
    auc_reconstructed: float
    true_positives: int
    false_positives: int
    sensitivity: float
    specificity: float
    score_positive: float
    score_positive_reconstructed: float
    score_negative: float
    score_negative_reconstructed: float
    drop_cases: int
    drop_reached: int
    drop_reached_from_image: int


@dataclass(frozen=True)
class PairResult:
    """Results over all targets. Losses of score are means over (image, target) pairs of the label named.

    `error` is the mean absolute reconstruction error on the [-1024, 1024] scale.
    """

    images: int
    patients: int
    error: float
    loss_positive: float
    loss_negative: float
    drop: float
    targets: tuple[TargetResult, ...]

    @property
    def drop_cases(self) -> int:
        """True positives that were searched."""
        return sum(target.drop_cases for target in self.targets)

    @property
    def drop_share(self) -> float:
        """Share of them whose score the search lowered by `drop`."""
        return (
            sum(target.drop_reached for target in self.targets) / self.drop_cases if self.drop_cases else float("nan")
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"drop_cases": self.drop_cases, "drop_share": self.drop_share}


@torch.no_grad()
def _scores(
    classifier: Classifier, autoencoder: Autoencoder, data: Dataset, *, batch_size: int, progress: bool
) -> tuple[FloatArray, FloatArray, float]:
    """Scores (N, targets) of images and of their reconstructions, and the mean absolute error between the two."""
    plain, rebuilt, error = [], [], 0.0
    for start in tqdm(range(0, len(data), batch_size), desc="score", unit="batch", disable=not progress):
        x = data.images(slice(start, start + batch_size)).to(classifier.device)
        reconstruction = autoencoder(x)
        plain.append(classifier(x))
        rebuilt.append(classifier(reconstruction))
        error += (reconstruction - x).abs().mean(dim=(1, 2, 3)).sum().item()
    return torch.cat(plain).double().cpu().numpy(), torch.cat(rebuilt).double().cpu().numpy(), error / len(data)


def _shifts(
    classifier: Classifier,
    autoencoder: Autoencoder,
    images: Tensor,
    column: int,
    image_scores: Sequence[float],
    settings: LatentShiftSettings,
) -> tuple[int, int]:
    """How many cases reached the drop, counted from the reconstruction's score and from the image's.

    A case whose score does not depend on the latent at all did not reach it.
    """
    targets = torch.full((len(images),), column, device=images.device)
    try:
        found = latent_shift(classifier, autoencoder, images, targets, settings)
    except NoGradientError:
        if len(images) == 1:
            return 0, 0
        alone = [
            _shifts(classifier, autoencoder, images[i : i + 1], column, image_scores[i : i + 1], settings)
            for i in range(len(images))
        ]
        return sum(reached for reached, _ in alone), sum(from_image for _, from_image in alone)
    reached = sum(case.stop_reason["lower"] == REACHED for case in found)
    wanted = settings.goals[0] - settings.tolerance
    from_image = sum(score - min(case.predictions) >= wanted for score, case in zip(image_scores, found, strict=True))
    return reached, from_image


def evaluate(
    classifier: Classifier,
    autoencoder: Autoencoder,
    data: Dataset,
    *,
    rng: np.random.Generator,
    cases: int = 40,
    settings: LatentShiftSettings | None = None,
    batch_size: int = 32,
    progress: bool = True,
) -> PairResult:
    """Measure on `data` (labels in the order of the classifier's targets).

    `cases`: at most so many true positives per target are searched by Latent Shift, drawn at random.
    """
    # With all its frames, as studies make it: fewer overlook where the prediction turned before the drop was reached.
    settings = settings or LatentShiftSettings()
    scores, rebuilt, error = _scores(classifier, autoencoder, data, batch_size=batch_size, progress=progress)
    labels = data.labels.numpy() > 0.5
    patients = [row.patient for row in data.rows]
    results = []
    for k, target in enumerate(tqdm(classifier.targets, desc="latent shift", unit="target", disable=not progress)):
        label, score = labels[:, k], scores[:, k]
        called = score > POSITIVE
        hits = np.flatnonzero(label & called)
        drawn = np.sort(rng.permutation(hits)[:cases])
        reached = from_image = 0
        for start in range(0, len(drawn), 8):
            chunk = drawn[start : start + 8]
            images = data.images(torch.from_numpy(chunk)).to(classifier.device)
            more, more_from_image = _shifts(classifier, autoencoder, images, k, score[chunk].tolist(), settings)
            reached, from_image = reached + more, from_image + more_from_image
        low, high = clustered_interval(score, label, patients, rng=rng)
        results.append(
            TargetResult(
                target=target,
                positives=int(label.sum()),
                negatives=int((~label).sum()),
                auc=area_under_curve(score, label),
                auc_low=low,
                auc_high=high,
                auc_reconstructed=area_under_curve(rebuilt[:, k], label),
                true_positives=len(hits),
                false_positives=int((called & ~label).sum()),
                sensitivity=_mean(called[label]),
                specificity=_mean(~called[~label]),
                score_positive=_mean(score[label]),
                score_positive_reconstructed=_mean(rebuilt[label, k]),
                score_negative=_mean(score[~label]),
                score_negative_reconstructed=_mean(rebuilt[~label, k]),
                drop_cases=len(drawn),
                drop_reached=reached,
                drop_reached_from_image=from_image,
            )
        )
    return PairResult(
        images=len(data),
        patients=len(set(patients)),
        error=error,
        loss_positive=_mean((scores - rebuilt)[labels]),
        loss_negative=_mean((scores - rebuilt)[~labels]),
        drop=settings.goals[0],
        targets=tuple(results),
    )


def _mean(values: np.typing.NDArray[Any]) -> float:
    return float(values.mean()) if values.size else float("nan")
