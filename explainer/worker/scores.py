"""What a worker makes of a batch of images: the classifier's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explainer.worker.torch_process import prepare_torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from explainer.errors import ExplainerError
    from readerstudy.studies.selectors import ScoreBatch, Scores


def make_scores(batches: Sequence[ScoreBatch]) -> Iterator[tuple[ScoreBatch, Scores | Exception]]:
    """Scores of the images of each batch, and what is wrong with each that has none."""
    prepare_torch()
    from explainer import scores
    from explainer.devices import choose_device
    from explainer.loaded import classifier_of_process
    from readerstudy.studies.selectors import Scores

    for batch in batches:
        by_path = {image.path: image.image_id for image in batch.images}
        errors: list[tuple[int, ExplainerError]] = []

        def report(
            path: Path,
            error: ExplainerError,
            by_path: dict[Path, int] = by_path,
            errors: list[tuple[int, ExplainerError]] = errors,
        ) -> None:
            errors.append((by_path[path], error))

        classifier = classifier_of_process(batch.classifier, choose_device("auto"))
        rows = [(by_path[path], found) for path, found in scores.score(list(by_path), classifier, on_error=report)]
        yield batch.of([image_id for image_id, _ in rows]), Scores(classifier.weights_sha256, rows)
        for image_id, error in errors:
            yield batch.of([image_id]), error
