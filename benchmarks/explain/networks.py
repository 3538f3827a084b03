"""The models that are compared: each pair as our loader gives it, and as TorchXRayVision gives it to its users."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from explainer.catalogue.models import released
from explainer.catalogue.models.pairs import find_pair
from explainer.classifiers import Classifier, calibrate
from explainer.images import centre_square, crop_and_resize
from explainer.phantoms import draw
from explainer.sources import load_autoencoder, load_classifier
from explainer.sources.from_pair import autoencoder_network, classifier_network
from explainer.sources.xrv.classifiers import PACKAGE_NAMES
from explainer.sources.xrv.layers import RectifiedFeatures
from explainer.sources.xrv.package import quiet_import
from explainer.weights import weights_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from explainer.autoencoders import Autoencoder

PAIRS = ("xrv", "nih-small")
TARGET = "Effusion"
_XRV = ("xrv-all", "xrv-resnet101-elastic")
_XRV_NAME = PACKAGE_NAMES["xrv-all"]
_XRV_FILE, _XRV_AUTOENCODER_FILE = (released.MODELS[identifier].weights for identifier in _XRV)
_SEED = 0
#: Phantoms on which random networks are adjusted: another series than the one that is explained.
_ADJUSTED_ON, _ADJUSTED_COUNT = 900, 8
#: Random networks are made to look like trained ones: how much each residual block adds, the 99th percentile of
#: reconstructed grey values, the spread of logits between images, the mean calibrated score, and the lambda that would
#: lower a score by 0.3 if it were linear.
_BRANCH, _GREY, _LOGITS, _SCORE, _LAMBDA = 0.3, 900.0, 3.0, 0.65, 100.0


@dataclass(frozen=True)
class Pair:
    """Identifiers of a classifier and an autoencoder, and where their weights come from."""

    name: str
    classifier: str
    autoencoder: str
    weights: str
    target: str = TARGET

    def ours(self, device: str) -> tuple[Classifier, Autoencoder]:
        """As a user of this project has them."""
        return load_classifier(self.classifier, device), load_autoencoder(self.autoencoder, device)


@dataclass(frozen=True)
class Peer:
    """The same networks as a user of the public packages has them: contiguous, normalisations where they were.

    `classifier` returns the calibrated scores (N, T) that ours explain, the target's in `column`. `rectified` is the
    same function with every ReLU a module, which captum's guided backpropagation needs in order to be right.
    """

    classifier: nn.Module
    rectified: nn.Module
    autoencoder: Any
    column: int


def find(name: str, folder: Path) -> Pair:
    """A pair by its name in `PAIRS`. Without released weights, random ones are made in `folder` and used."""
    if name != "xrv":
        return Pair(name, name, name, "as shipped")
    if all((weights_folder() / file).is_file() for file in (_XRV_FILE, _XRV_AUTOENCODER_FILE)):
        return Pair(name, *_XRV, "as released")
    weights = folder / f"random-weights-{_SEED}"
    if not weights.is_dir():
        _make_random_weights(weights)
    # For this process and its children: our loaders then read them as if they were the released ones.
    os.environ["EXPLAINER_WEIGHTS"] = str(weights)
    return Pair(name, *_XRV, f"random, seed {_SEED}")


class _Scored(nn.Module):
    def __init__(self, logits: nn.Module, points: Tensor) -> None:
        super().__init__()
        self.logits = logits
        self.register_buffer("points", points)

    def forward(self, x: Tensor) -> Tensor:
        return calibrate(self.logits(x).sigmoid(), self.get_buffer("points"))


def peer_of(pair: Pair, device: str) -> Peer:
    """Call `Pair.ours` before: only what our loader has checked is given to TorchXRayVision's, which unpickles it."""
    if pair.name == "xrv":
        folder = str(weights_folder())
        network = quiet_import("torchxrayvision.models").DenseNet(weights=_XRV_NAME, cache_dir=folder)
        autoencoder = quiet_import("torchxrayvision.autoencoders").ResNetAE("101-elastic", cache_dir=folder)
        logits = nn.Sequential(
            RectifiedFeatures(network.features), nn.AdaptiveAvgPool2d(1), nn.Flatten(), network.classifier
        )
        rectified = _Scored(logits, network.op_threshs)
        column = network.targets.index(pair.target)
        return Peer(network.to(device), rectified.to(device).eval(), autoencoder.to(device), column)
    shipped = find_pair(pair.name)
    described = shipped.metadata["classifier"]
    small, _ = classifier_network(shipped)
    scored = _Scored(small, torch.tensor(described["operating_points"])).to(device).eval()
    autoencoder, _ = autoencoder_network(shipped)
    return Peer(scored, scored, autoencoder.to(device).eval(), described["targets"].index(pair.target))


def phantom_images(series: int, indices: range, size: int = 224) -> Tensor:
    """Phantoms (N, 1, size, size) in [-1024, 1024]."""
    images = []
    for index in indices:
        grey = draw(series, index).pixels
        values = (grey.astype(np.float32) / 255 * 2 - 1) * 1024
        images.append(torch.from_numpy(crop_and_resize(values, centre_square(*grey.shape[::-1]), size))[None])
    return torch.stack(images)


def _make_random_weights(folder: Path) -> None:
    """Random DenseNet121 and ResNetAE101 in the files of the released ones."""
    images = phantom_images(_ADJUSTED_ON, range(_ADJUSTED_COUNT))
    models, autoencoders = (quiet_import(f"torchxrayvision.{name}") for name in ("models", "autoencoders"))
    described = models.model_urls[_XRV_NAME]
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        autoencoder = autoencoders.ResNetAE101()
        classifier = models.DenseNet(num_classes=len(described["labels"]))
    for network in (autoencoder, classifier):
        network.requires_grad_(requires_grad=False)
    reconstructions = _adjust_autoencoder(autoencoder, images)
    _settle(classifier, lambda: classifier(torch.cat([images, reconstructions])))
    column = described["labels"].index(TARGET)
    points = torch.tensor(described["op_threshs"]).nan_to_num(0.5)
    _adjust_classifier(classifier, reconstructions, points)
    _stretch_latent(autoencoder, _squared_gradient(classifier, autoencoder, images, points, column))
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        torch.save(classifier.eval(), unfinished / _XRV_FILE)
        torch.save(autoencoder.eval().state_dict(), unfinished / _XRV_AUTOENCODER_FILE)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def _settle(network: nn.Module, forward: Callable[[], object]) -> None:
    """Let every batch normalisation learn its statistics from one forward pass."""
    normalisations = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in normalisations:
        module.momentum = None
        module.reset_running_stats()
    network.train()
    with torch.no_grad():
        forward()
    network.eval()
    for module in normalisations:
        module.momentum = 0.1


def _blocks(network: nn.Module) -> Iterator[Any]:
    return (module for module in network.modules() if hasattr(module, "bn3"))


@torch.no_grad()
def _adjust_autoencoder(autoencoder: Any, images: Tensor) -> Tensor:
    for block in _blocks(autoencoder):
        block.bn3.weight.fill_(_BRANCH)
    _settle(autoencoder, lambda: autoencoder(images))
    percentile = autoencoder(images)["out"].abs().flatten()[::7].quantile(0.99)
    autoencoder.conv1_1.weight.mul_(_GREY / percentile)
    reconstructions: Tensor = autoencoder(images)["out"]
    return reconstructions


@torch.no_grad()
def _adjust_classifier(classifier: Any, images: Tensor, points: Tensor) -> None:
    """Give every output the same mean calibrated score and spread."""
    head = classifier.classifier
    head.weight.mul_((_LOGITS / classifier(images).std(dim=0))[:, None])
    # The calibrated score is s = 1 - (1 - p) / (2 (1 - point)) above the operating point.
    wanted = 1 - (1 - _SCORE) * 2 * (1 - points)
    head.bias.add_(torch.logit(wanted) - classifier(images).mean(dim=0))


def _squared_gradient(classifier: nn.Module, autoencoder: Any, images: Tensor, points: Tensor, column: int) -> float:
    """Median over the images of |g|^2."""
    z = autoencoder.encode(images).detach().requires_grad_()
    scores = calibrate(classifier(autoencoder.decode(z)).sigmoid(), points)
    (gradient,) = torch.autograd.grad(scores[:, column].sum(), z)
    return float(gradient.flatten(1).square().sum(dim=1).median())


@torch.no_grad()
def _stretch_latent(autoencoder: Any, squared_gradient: float) -> None:
    """Multiply the latent by a constant and divide by it what reads the latent; the reconstruction stays the same."""
    factor = math.sqrt(squared_gradient * _LAMBDA / 0.3)
    first, second = autoencoder.layer4
    for normalisation in (first.bn3, first.downsample[1], second.bn3):
        normalisation.weight.mul_(factor)
        normalisation.bias.mul_(factor)
    second.conv1.weight.div_(factor)
    first, second = autoencoder.uplayer1
    first.conv1.weight.div_(factor)
    first.bn3.weight.mul_(factor)
    first.bn3.bias.mul_(factor)
    second.conv1.weight.div_(factor)
    second.upsample[0].weight.div_(factor)
