"""The project's own small networks: a multi-label DenseNet and a residual autoencoder for chest X-rays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Images enter and leave both networks in this range (TorchXRayVision's convention).
INPUT_RANGE = (-1024.0, 1024.0)
_HALF_RANGE = 1024.0


class _DenseLayer(nn.Module):
    """BN-ReLU-1x1-BN-ReLU-3x3, its output appended to its input (Huang et al. 2017, DenseNet-BC)."""

    def __init__(self, channels: int, growth: int, bottleneck: int) -> None:
        super().__init__()
        middle = growth * bottleneck
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=False),
            nn.Conv2d(channels, middle, 1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=False),
            nn.Conv2d(middle, growth, 3, padding=1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], dim=1)


class SmallDenseNet(nn.Module):
    """DenseNet of a few hundred thousand parameters for multi-label classification.

    Input: float32 (N, 1, H, W) in [-1024, 1024]; output: logits (N, n_targets).
    Every non-linearity is an `nn.ReLU(inplace=False)` that is used once per forward pass, which is what guided
    backpropagation needs in order to hook them.
    """

    def __init__(
        self,
        *,
        n_targets: int,
        stem: int = 24,
        growth: int = 16,
        bottleneck: int = 4,
        blocks: Sequence[int] = (3, 5, 8, 6),
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(1, stem, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=False),
            nn.AvgPool2d(2),
        ]
        channels = stem
        for index, depth in enumerate(blocks):
            if index:
                reduced = channels // 2
                layers += [
                    nn.BatchNorm2d(channels),
                    nn.ReLU(inplace=False),
                    nn.Conv2d(channels, reduced, 1, bias=False),
                    nn.AvgPool2d(2),
                ]
                channels = reduced
            for _ in range(depth):
                layers.append(_DenseLayer(channels, growth, bottleneck))
                channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=False)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, n_targets)
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(x / _HALF_RANGE))
        return logits


class _ResidualBlock(nn.Module):
    """Pre-activation residual block without normalisation; starts near the identity so that deep stacks train."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Conv2d(channels, channels, 3, padding=1)
        with torch.no_grad():
            last.weight.mul_(0.1)
        self.layers = nn.Sequential(nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1), nn.SiLU(), last)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = x + self.layers(x)
        return output


class ResNetAutoencoder(nn.Module):
    """Convolutional residual autoencoder; 224 x 224 px become `latent` x 14 x 14 numbers.

    Input and output: float32 (N, 1, H, W) in [-1024, 1024], H and W multiples of 16. The output is not clamped: a
    clamp would cut the gradient that Latent Shift follows. Pixel (un)shuffling keeps the work at low resolution, so
    that it trains on a CPU.
    """

    def __init__(
        self,
        *,
        latent: int = 32,
        widths: Sequence[int] = (48, 96, 128),
        encoder_blocks: Sequence[int] = (1, 2, 2),
        decoder_blocks: Sequence[int] = (1, 2, 2),
        last_width: int = 24,
    ) -> None:
        super().__init__()
        encoder: list[nn.Module] = [nn.PixelUnshuffle(4), nn.Conv2d(16, widths[0], 3, padding=1)]
        encoder += [_ResidualBlock(widths[0]) for _ in range(encoder_blocks[0])]
        for narrow, wide, depth in zip(widths[:-1], widths[1:], encoder_blocks[1:], strict=True):
            encoder.append(nn.Conv2d(narrow, wide, 3, stride=2, padding=1))
            encoder += [_ResidualBlock(wide) for _ in range(depth)]
        encoder += [nn.SiLU(), nn.Conv2d(widths[-1], latent, 1)]
        self.encoder = nn.Sequential(*encoder)

        decoder: list[nn.Module] = [nn.Conv2d(latent, widths[-1], 3, padding=1)]
        decoder += [_ResidualBlock(widths[-1]) for _ in range(decoder_blocks[-1])]
        for wide, narrow, depth in zip(widths[:0:-1], widths[-2::-1], decoder_blocks[-2::-1], strict=True):
            decoder += [nn.Conv2d(wide, narrow * 4, 1), nn.PixelShuffle(2)]
            decoder += [_ResidualBlock(narrow) for _ in range(depth)]
        decoder += [
            nn.Conv2d(widths[0], last_width * 4, 1),
            nn.PixelShuffle(2),
            nn.SiLU(),
            nn.Conv2d(last_width, last_width, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(last_width, 4, 3, padding=1),
            nn.PixelShuffle(2),
        ]
        self.decoder = nn.Sequential(*decoder)

    def encode(self, x: Tensor) -> Tensor:
        """Latent (N, latent, H/16, W/16) of images in [-1024, 1024]."""
        z: Tensor = self.encoder(x / _HALF_RANGE)
        return z

    def decode(self, z: Tensor) -> Tensor:
        """Images in about [-1024, 1024] of a latent."""
        x: Tensor = self.decoder(z)
        return x * _HALF_RANGE

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))
