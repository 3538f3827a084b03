"""The images that are explained, and what each side does with one of them."""

from __future__ import annotations

import itertools
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torch import Tensor

import explainer.catalogue.methods as catalogue
from benchmarks.explain import peers
from benchmarks.explain.networks import Pair, Peer
from explainer import rendering
from explainer.catalogue.methods.integrated_gradients import IntegratedGradientsSettings
from explainer.catalogue.methods.latent_shift import LatentShiftSettings
from explainer.images import load_array, load_image
from explainer.loaded import autoencoder_of_process, classifier_of_process
from explainer.methods.guided_backprop import guided_backprop
from explainer.methods.input_gradient import input_gradient
from explainer.methods.integrated_gradients import integrated_gradients
from explainer.methods.latent_shift import latent_shift, latent_shift_map
from explainer.phantoms import draw
from explainer.pipeline import overlapped
from explainer.run import explain_many
from explainer.types import ExplanationRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from explainer.types import Counterfactual, Explanation

INPUT_GRADIENT, GUIDED_BACKPROP = catalogue.input_gradient.METHOD.key, catalogue.guided_backprop.METHOD.key
INTEGRATED_GRADIENTS, LATENT_SHIFT = catalogue.integrated_gradients.METHOD.key, catalogue.latent_shift.METHOD.key
VIDEO = "video"
FULL = "full set"
#: A little of everything, which loads what a first case loads.
SHORT = "short"
#: What is timed, in the order of the table.
WORK = (INPUT_GRADIENT, GUIDED_BACKPROP, INTEGRATED_GRADIENTS, LATENT_SHIFT, VIDEO, FULL)
TRADITIONAL = (INPUT_GRADIENT, GUIDED_BACKPROP, INTEGRATED_GRADIENTS)
#: Methods of the full set: three maps, and Latent Shift with its search, sweep, map and video.
METHODS = (*TRADITIONAL, LATENT_SHIFT)
SIZE = 224
#: What warms up the long ones; the others are done once for that.
WARM_UP = {INTEGRATED_GRADIENTS: INPUT_GRADIENT, FULL: SHORT}
QUICK = (INPUT_GRADIENT, GUIDED_BACKPROP, VIDEO)
_SERIES = 31
_PHANTOM_SIZE = 512
#: Explained are positive cases that are not extreme, as in a study; of so many images per case they are chosen.
_SCORES, _CANDIDATES = (0.5, 0.9), 4


def choose(pair: Pair, device: str, count: int, folder: Path, images: Path | None) -> list[Path]:
    """Files of `count` images whose reconstruction has a positive score; others only where there are too few."""
    classifier, autoencoder = pair.ours(device)
    column = classifier.index(pair.target)
    fit: list[Path] = []
    unfit: list[Path] = []
    for path in itertools.islice(_candidates(folder, images), _CANDIDATES * count):
        with torch.no_grad():
            score = float(classifier(autoencoder(load_image(path, classifier).to(device)))[0, column])
        (fit if _SCORES[0] < score < _SCORES[1] else unfit).append(path)
        if len(fit) == count:
            return fit
    chosen = [*fit, *unfit][:count]
    if len(chosen) < count:
        raise SystemExit(f"error: {images} has {len(chosen)} PNG files, and {count} are to be explained.")
    return chosen


def _candidates(folder: Path, images: Path | None) -> Iterator[Path]:
    if images is not None:
        yield from sorted(images.glob("*.png"))
        return
    drawn = folder / f"phantoms-{_SERIES}"
    drawn.mkdir(parents=True, exist_ok=True)
    for index in itertools.count():
        path = drawn / f"{index:04}.png"
        if not path.exists():
            Image.fromarray(draw(_SERIES, index, size=_PHANTOM_SIZE).pixels).save(path)
        yield path


class Ours:
    """This project, one case at a time except where it says otherwise."""

    def __init__(self, pair: Pair, device: str, frames: int, folder: Path) -> None:
        self._pair, self._device, self.frames, self._folder = pair, device, frames, folder
        self.classifier = classifier_of_process(pair.classifier, device)
        self.autoencoder = autoencoder_of_process(pair.autoencoder, device)
        self._columns = torch.tensor([self.classifier.index(pair.target)], device=device)
        self._sequences: dict[Path, Counterfactual] = {}

    def image(self, path: Path) -> Tensor:
        """One image (1, 1, H, W), read as our command reads it."""
        return load_image(path, self.classifier).to(self._device)

    def map(self, method: str, image: Tensor) -> Tensor:
        """A traditional map (H, W)."""
        if method == INTEGRATED_GRADIENTS:
            settings = IntegratedGradientsSettings(steps=peers.STEPS)
            return integrated_gradients(self.classifier, image, self._columns, settings)[0]
        maps = {INPUT_GRADIENT: input_gradient, GUIDED_BACKPROP: guided_backprop}
        return maps[method](self.classifier, image, self._columns)[0]

    def sequence(self, image: Tensor, lambdas: tuple[float, float] | None = None) -> Counterfactual:
        """Search, sweep and map; or the sweep alone over a given range."""
        settings = LatentShiftSettings(frames=self.frames)
        if lambdas is not None:
            settings = replace(settings, lower=lambdas[0], upper=lambdas[1])
        (found,) = latent_shift(self.classifier, self.autoencoder, image, self._columns, settings)
        latent_shift_map(self.classifier, found, settings.projection)
        return found

    def run(self, work: str, path: Path) -> object:
        """Do one of `WORK` but the full set for an image; `prepare` has been called."""
        if work == VIDEO:
            sequence = self._sequences[path]
            video = rendering.mp4(rendering.to_grey(sequence.frames), sequence.lambdas, sequence.predictions)
            return (self._folder / "ours.mp4").write_bytes(video)
        image = self.image(path)
        if work == SHORT:
            frames = rendering.to_grey(image[0].expand(2, -1, -1).cpu().numpy())
            return self.map(INPUT_GRADIENT, image), rendering.mp4(frames, (0.0, 1.0), (0.5, 0.5))
        return self.sequence(image) if work == LATENT_SHIFT else self.map(work, image).cpu()

    def prepare(self, work: str, path: Path) -> None:
        """What `run` takes for granted."""
        if work == VIDEO and path not in self._sequences:
            self._sequences[path] = self.sequence(self.image(path))

    def explain(self, paths: Sequence[Path]) -> list[int]:
        """The full set of every image through the engine, files written; evaluations of the search by case."""
        requests = [
            ExplanationRequest(
                image=path,
                target=self._pair.target,
                classifier=self._pair.classifier,
                autoencoder=self._pair.autoencoder,
                methods=METHODS,
                parameters={LATENT_SHIFT: {"frames": self.frames}, INTEGRATED_GRADIENTS: {"steps": peers.STEPS}},
                device=self._device,
            )
            for path in paths
        ]
        out = self._folder / "ours"
        shutil.rmtree(out, ignore_errors=True)

        def write(explained: tuple[ExplanationRequest, Explanation]) -> None:
            request, explanation = explained
            rendering.write(explanation, out / request.image.stem)

        evaluations = []
        for (_, explanation), written in overlapped(explain_many(requests), write):
            written.result()
            sequence = explanation.counterfactual
            evaluations.append(0 if sequence is None else sequence.evaluations)
        return evaluations


class Theirs:
    """captum and `latentshift`, one case at a time, as they take them."""

    def __init__(self, peer: Peer, device: str, frames: int, folder: Path) -> None:
        self._device, self.frames, self._folder = device, frames, folder
        self.peer = peer
        self.latent_shift = peers.LatentShift(folder, peer)
        self._sequences: dict[Path, Any] = {}

    def image(self, path: Path) -> Tensor:
        """Read as ours are, so that both explain the same pixels."""
        array, _ = load_array(path, size=SIZE, input_range=(-1024.0, 1024.0))
        return torch.from_numpy(array)[None, None].to(self._device)

    def map(self, method: str, image: Tensor) -> Tensor:
        """A traditional map (H, W)."""
        attribute: Callable[..., Tensor] = getattr(peers, method)
        return attribute(self.peer.classifier, image, self.peer.column)[0, 0]

    def run(self, work: str, path: Path) -> object:
        """Do one of `WORK` for an image."""
        if work == FULL:
            self._explain(path)
            return None
        if work == VIDEO:
            self.latent_shift.video(self._sequences[path], self._folder / "theirs")
            return None
        image = self.image(path)
        if work == SHORT:
            frames = {"generated_images": image.cpu().numpy().repeat(2, axis=0), "preds": [0.5, 0.5]}
            found = self.map(INPUT_GRADIENT, image)
            self.latent_shift.video(frames, self._folder / "theirs")
            return found
        if work == LATENT_SHIFT:
            return self.latent_shift.sequence(image, self.frames)
        return self.map(work, image).cpu()

    def prepare(self, work: str, path: Path) -> None:
        """What `run` takes for granted."""
        if work == VIDEO and path not in self._sequences:
            self._sequences[path] = self.latent_shift.sequence(self.image(path), self.frames)

    def _explain(self, path: Path) -> None:
        image = self.image(path)
        for method in TRADITIONAL:
            self.map(method, image).cpu()
        self.latent_shift.video(self.latent_shift.sequence(image, self.frames), self._folder / "theirs")


def synchronise(device: str) -> None:
    """Wait for the GPU, if there is one."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def seconds_of(side: Ours | Theirs, work: str, paths: Sequence[Path], device: str) -> float:
    """Time of one of `WORK` for every image; ours explain the full set of many together."""
    for path in paths:
        side.prepare(work, path)
    synchronise(device)
    start = time.perf_counter()
    if work == FULL and isinstance(side, Ours):
        side.explain(paths)
    else:
        for path in paths:
            side.run(work, path)
    synchronise(device)
    return time.perf_counter() - start
