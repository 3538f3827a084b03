"""Scores of images: what a classifier predicts for each target, many images at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from explainer.errors import ImageError, PredictionError
from explainer.images import load_array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from explainer.classifiers import Classifier
    from explainer.errors import ExplainerError
    from explainer.types import FloatMap


def score(
    paths: Sequence[Path],
    classifier: Classifier,
    *,
    batch_size: int = 16,
    on_error: Callable[[Path, ExplainerError], None] | None = None,
) -> Iterator[tuple[Path, dict[str, float]]]:
    """Calibrated score of every target for each image, in the order given, `batch_size` images at a time.

    An image that cannot be read, or of which the classifier makes no probability, is handed to `on_error` and left
    out; without `on_error` its ImageError or PredictionError is raised.
    """
    for start in range(0, len(paths), batch_size):
        arrays: dict[Path, FloatMap] = {}
        for path in paths[start : start + batch_size]:
            try:
                arrays[path] = load_array(path, size=classifier.input_size, input_range=classifier.input_range)[0]
            except ImageError as error:
                if on_error is None:
                    raise
                on_error(path, error)
        for path, scored in _scored(arrays, classifier):
            if not isinstance(scored, PredictionError):
                yield path, scored
            elif on_error is None:
                raise scored
            else:
                on_error(path, scored)


def _scored(
    arrays: Mapping[Path, FloatMap], classifier: Classifier
) -> Iterator[tuple[Path, dict[str, float] | PredictionError]]:
    """Scores of images together; where that fails, of each alone, so that one cannot cost the others theirs."""
    if not arrays:
        return
    batch = torch.from_numpy(np.stack([array[None] for array in arrays.values()])).to(classifier.device)
    try:
        with torch.inference_mode():
            rows = classifier(batch).cpu().tolist()
    except PredictionError as error:
        if len(arrays) == 1:
            (path,) = arrays
            yield path, PredictionError(f"{path.name}: {error}")
            return
        for path, array in arrays.items():
            yield from _scored({path: array}, classifier)
        return
    for path, row in zip(arrays, rows, strict=True):
        yield path, dict(zip(classifier.targets, row, strict=True))
