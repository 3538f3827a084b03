"""Augmentation keeps shape, range and seed."""

from __future__ import annotations

import torch

from explainer.training import augment


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_same_generator_state_gives_the_same_images() -> None:
    x = torch.randn(5, 1, 64, 64) * 300
    for change in (augment.expose, augment.degrade):
        assert torch.equal(change(x, rng()), change(x, rng()))
    assert torch.equal(augment.move(x, rng(), flip=True), augment.move(x, rng(), flip=True))


def test_exposure_stays_in_range() -> None:
    x = torch.linspace(-1024, 1024, 256).reshape(1, 1, 16, 16).repeat(8, 1, 1, 1)
    changed = augment.expose(x, rng())
    assert changed.min() >= -1024
    assert changed.max() <= 1024


def test_degrading_takes_away_a_chessboard_but_keeps_the_mean() -> None:
    board = torch.ones(8, 1, 64, 64)
    board[..., ::2, ::2] = board[..., 1::2, 1::2] = -1
    board = 500 * board + 100
    coarse = augment.degrade(board, rng(), smallest=16, noise=0, chance=1.0)
    assert coarse.shape == board.shape
    assert coarse.std() < board.std()
    assert abs(coarse.mean().item() - 100) < 20


def test_without_motion_an_image_stays_where_it_is() -> None:
    x = torch.randn(2, 1, 32, 32)
    still = augment.move(x, rng(), flip=False, degrees=0, shift=0, scale=0)
    assert torch.allclose(still, x, atol=1e-4)
