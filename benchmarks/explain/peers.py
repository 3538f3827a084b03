"""The public packages: captum as the paper's code calls it, and the authors' `latentshift`, loaded without what it
would pull in.

`latentshift` 0.0.6 is installed without its dependencies (an old Lightning, taming-transformers), which only its own
models need. Two of its modules are loaded by path, since its `__init__` imports those models. Where it turns an array
of one element into a float, NumPy 2.4 raises; it is given scores whose columns have no dimension left.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imageio_ffmpeg
from captum.attr import GuidedBackprop, IntegratedGradients, Saliency
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from benchmarks.explain.networks import Peer

REQUIREMENT = "latentshift==0.0.6"
STEPS = 100


def install(folder: Path) -> None:
    """Install `latentshift` into a folder of its own, without its dependencies."""
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--no-deps"]
    subprocess.run([*command, "--target", str(folder), REQUIREMENT], check=True)


def is_installed(folder: Path) -> bool:
    """Whether `install` has been called for the folder."""
    return (folder / "latentshift" / "cf" / "latent_shift.py").is_file()


def input_gradient(classifier: nn.Module, image: Tensor, column: int) -> Tensor:
    """Absolute gradient, of the shape of the image."""
    found: Tensor = Saliency(classifier).attribute(image.clone().requires_grad_(), target=column)
    return found


def guided_backprop(classifier: nn.Module, image: Tensor, column: int) -> Tensor:
    """Absolute guided gradient."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU activations")
        attributed: Tensor = GuidedBackprop(classifier).attribute(image.clone().requires_grad_(), target=column)
    return attributed.detach().abs()


def integrated_gradients(classifier: nn.Module, image: Tensor, column: int, at_once: int = 1) -> Tensor:
    """Absolute integral from a baseline of zero, one step at a time as in the paper's code."""
    attributed: Tensor = IntegratedGradients(classifier).attribute(
        image.clone(), target=column, n_steps=STEPS, internal_batch_size=at_once
    )
    return attributed.detach().abs()


class _Scores:
    """Scores (1, T) of which a column is a number."""

    def __init__(self, scores: Tensor) -> None:
        self._scores = scores

    def __getitem__(self, key: Any) -> Tensor:
        return self._scores[key][0]


class LatentShift:
    """The package's search, sweep, map and video for one pair of networks."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        package = folder / "latentshift"
        self._column = peer.column
        self._package = _load(package / "cf" / "latent_shift.py").LatentShift(
            lambda x: _Scores(peer.classifier(x)), peer.autoencoder
        )
        os.environ.setdefault("MPLBACKEND", "agg")
        self._videos = _load(package / "video_utils.py")

    def sequence(
        self, image: Tensor, frames: int, lambdas: tuple[float, float] | None = None, kind: str = "max"
    ) -> Any:
        """What `attribute` returns for an image: `generated_images`, `lambdas`, `preds`, `heatmap`.

        Searches for a drop of 0.30 unless the range of lambda is given.
        """
        return self._package.attribute(
            image,
            self._column,
            fix_range=lambdas,
            search_pred_diff=0.30,
            lambda_sweep_steps=frames,
            heatmap_method=kind,
            apply_sigmoid=False,  # the classifier's calibrated score is explained as it is
            verbose=False,
            return_dicts=True,
        )[0]

    def video(self, sequence: Any, path: Path) -> None:
        """Write `path`.mp4."""
        with tempfile.TemporaryDirectory() as frames, _quiet_children():
            self._videos.generate_video(
                sequence,
                str(path),
                ffmpeg_path=imageio_ffmpeg.get_ffmpeg_exe(),
                temp_path=f"{frames}/frames",
                show=False,
                verbose=False,
                cmap="gray",
            )


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"latentshift_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def _quiet_children() -> Iterator[None]:
    """Send what child processes write to standard error nowhere: ffmpeg is called with its statistics on."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
