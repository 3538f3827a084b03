"""What goes around TorchXRayVision's layers: inputs as its models want them, outputs with a name, ReLU modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Mean and standard deviation of ImageNet's colours, which networks that began there were trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def as_module(value: Tensor | nn.Module) -> nn.Module:
    """A layer, which torch's types cannot tell from a parameter."""
    if not isinstance(value, nn.Module):
        raise TypeError(f"{type(value).__name__} is not a layer.")
    return value


class RectifiedFeatures(nn.Module):
    """Feature layers followed by a ReLU module, where the original calls a function that no hook reaches."""

    def __init__(self, features: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.relu(self.features(x))
        return output


class DenseNetLogits(nn.Module):
    """A DenseNet's features, rectified by a module, averaged over the image, and its linear layer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.features = RectifiedFeatures(as_module(network.features))
        self.classifier = as_module(network.classifier)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return logits


class Colour(nn.Module):
    """Takes [-1024, 1024] to a network of three channels, each of them `scale * x + shift`."""

    def __init__(self, network: nn.Module, scale: Sequence[float], shift: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("scale", torch.tensor(scale).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", torch.tensor(shift).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.network(x * self.get_buffer("scale") + self.get_buffer("shift"))
        return output


def imagenet_colour(network: nn.Module) -> Colour:
    """[-1024, 1024] to [0, 1], and that by ImageNet's mean and standard deviation."""
    scale = [1 / (2048 * std) for std in IMAGENET_STD]
    return Colour(network, scale, [(0.5 - mean) / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)])


class Columns(nn.Module):
    """The outputs that have a name."""

    def __init__(self, network: nn.Module, columns: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("columns", torch.tensor(list(columns)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x)
        return logits.index_select(1, self.get_buffer("columns"))


class Mean(nn.Module):
    """Mean output of several networks, whose gradients are computed one network after the other.

    Ninety networks at once would not fit into memory; going through each twice costs a third more time.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        again = torch.is_grad_enabled() and x.requires_grad
        outputs = [checkpoint(member, x, use_reentrant=False) if again else member(x) for member in self.members]
        return torch.stack(outputs).mean(dim=0)


class SideBySide(nn.Module):
    """The outputs of several networks, one after the other."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([network(x) for network in self.networks], dim=1)
