"""Tiny deterministic networks whose explanations can be worked out by hand, and a pair folder of random weights."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from explainer.autoencoders import Autoencoder
from explainer.classifiers import Classifier
from explainer.networks import ResNetAutoencoder, SmallDenseNet
from explainer.sources.xrv.layers import RectifiedFeatures

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 8
CLASSIFIER: dict[str, Any] = {"stem": 4, "growth": 4, "bottleneck": 2, "blocks": [1, 1]}
AUTOENCODER = {
    "latent": 4,
    "widths": [4, 6, 8],
    "encoder_blocks": [1, 1, 1],
    "decoder_blocks": [1, 1, 1],
    "last_width": 4,
}


class Linear(nn.Module):
    """Logit = w . x + b for each target."""

    def __init__(self, weights: Tensor, bias: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("weights", weights)
        self.bias = bias

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.get_buffer("weights").T + self.bias


class Identity(nn.Module):
    """Autoencoder whose latent is the image, divided by `scale`."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = scale

    def encode(self, x: Tensor) -> Tensor:
        return x / self.scale

    def decode(self, z: Tensor) -> Tensor:
        return z * self.scale


def classifier_of(
    network: nn.Module, targets: int = 1, size: int = SIZE, points: list[float] | None = None
) -> Classifier:
    return Classifier(
        network,
        identifier="tiny",
        targets=[f"target {i}" for i in range(targets)],
        operating_points=points or [0.5] * targets,
        input_size=size,
    )


def autoencoder_of(network: nn.Module, size: int = SIZE) -> Autoencoder:
    return Autoencoder(network, identifier="tiny", input_size=size)


class WithModule(nn.Module):
    """A DenseNet as its package has it, but for a module where that calls its last ReLU as a function."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.features = RectifiedFeatures(network.get_submodule("features"))
        self.classifier = network.get_submodule("classifier")

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return logits


def seeded(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def write_pair(folder: Path, *, size: int = 64) -> Path:
    """A pair folder with the project's own architectures, small, with seeded random weights."""
    folder.mkdir(parents=True)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        classifier = SmallDenseNet(n_targets=2, **CLASSIFIER)
        autoencoder = ResNetAutoencoder(**AUTOENCODER)  # type: ignore[arg-type]
        for head in (module for module in classifier.modules() if isinstance(module, nn.Linear)):
            head.weight.data.mul_(20)
    digests = {}
    for name, module in (("classifier", classifier), ("autoencoder", autoencoder)):
        path = folder / f"{name}.safetensors"
        save_file(module.state_dict(), path)
        digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    metadata = {
        "id": "tiny-pair",
        "synthetic": True,
        "input_size": size,
        "input_range": [-1024, 1024],
        "classifier": {
            "architecture": {"n_targets": 2, **CLASSIFIER},
            "targets": ["Effusion", "Mass"],
            "operating_points": [0.5, 0.3],
            "sha256": digests["classifier"],
        },
        "autoencoder": {"architecture": AUTOENCODER, "sha256": digests["autoencoder"]},
    }
    (folder / "pair.json").write_text(json.dumps(metadata), encoding="utf-8")
    return folder
