"""Batch normalisation as the constants that it is in evaluation mode: the same function of the image, sooner.

There it multiplies and shifts every channel. A convolution before it takes both over in its weights and bias. A
convolution that follows after a ReLU takes over the factors, where all are positive: relu(s x + b) = s relu(x + b / s).
Elsewhere one multiplication and addition does. What comes out is equal to rounding; on a CPU gradients come out a third
sooner.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

#: Names of a convolution and of the normalisation of its output, in DenseNets and ResNets of torchvision's making.
_PAIRS = (("conv1", "norm2"), ("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))
#: Names of a normalisation, the ReLU after it and the convolution of that, in DenseNets.
_TRIPLES = (("norm1", "relu1", "conv1"), ("norm", "relu", "conv"))


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Fold every normalisation of a network whose blocks are named as torchvision names them; returns the network.

    Only for networks of known architecture: that one layer follows another is read from names and from nn.Sequential.
    """
    network.eval()
    for module in list(network.modules()):
        for names in _PAIRS:
            _fold(module, *names)
        if type(module) is nn.Sequential:
            names_in_order = [name for name, _ in module.named_children()]
            for first, second in pairwise(names_in_order):
                _fold(module, first, second)
        for triple in _TRIPLES:
            _hand_on_factors(module, *triple)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if _is_constant(child):
                setattr(module, name, ChannelAffine(child))
    return network


class ChannelAffine(nn.Module):
    """Each channel of images (N, C, H, W) multiplied and shifted as a normalisation in evaluation mode does it."""

    def __init__(self, normalisation: nn.BatchNorm2d) -> None:
        super().__init__()
        scale, shift = _scale_and_shift(normalisation)
        self.register_buffer("scale", scale.reshape(1, -1, 1, 1))
        self.register_buffer("shift", shift.reshape(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.get_buffer("shift"), x, self.get_buffer("scale"))


class ChannelShift(nn.Module):
    """A constant (C,) added to each channel of images (N, C, H, W)."""

    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("shift", shift.reshape(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.get_buffer("shift")


def _scale_and_shift(normalisation: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a normalisation multiplies each channel by and then adds, (C,) each."""
    mean, variance = normalisation.get_buffer("running_mean"), normalisation.get_buffer("running_var")
    scale = torch.rsqrt(variance + normalisation.eps)
    shift = -mean * scale
    if normalisation.affine:
        scale, shift = scale * normalisation.weight, shift * normalisation.weight + normalisation.bias
    return scale.detach(), shift.detach()


def _children(module: nn.Module, *names: str) -> list[nn.Module | None]:
    children = dict(module.named_children())
    return [children.get(name) for name in names]


def _is_constant(module: nn.Module | None) -> TypeGuard[nn.BatchNorm2d]:
    """Whether a module is a normalisation by statistics that it has, not by those of a batch."""
    return isinstance(module, nn.BatchNorm2d) and module.running_mean is not None


def _fold(parent: nn.Module, first: str, second: str) -> None:
    convolution, normalisation = _children(parent, first, second)
    if not isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d) or not _is_constant(normalisation):
        return
    transpose = isinstance(convolution, nn.ConvTranspose2d)
    setattr(parent, first, fuse_conv_bn_eval(convolution, normalisation, transpose=transpose))
    setattr(parent, second, nn.Identity())


def _hand_on_factors(parent: nn.Module, first: str, second: str, third: str) -> None:
    normalisation, relu, convolution = _children(parent, first, second, third)
    if not (
        _is_constant(normalisation)
        and isinstance(relu, nn.ReLU)
        and isinstance(convolution, nn.Conv2d)
        and convolution.groups == 1
    ):
        return
    scale, shift = _scale_and_shift(normalisation)
    shift = shift / scale
    if not ((scale > 0).all() and torch.isfinite(shift).all()):
        return
    with torch.no_grad():
        convolution.weight.mul_(scale.reshape(1, -1, 1, 1))
    setattr(parent, first, ChannelShift(shift))
