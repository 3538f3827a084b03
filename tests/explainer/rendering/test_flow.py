"""Optical flow has the direction and the length that its documentation says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explainer.errors import RenderingError
from explainer.rendering.figures import figure_bytes, flow_figure
from explainer.rendering.flow import optical_flow
from tests.explainer.rendering.cases import blob, counterfactual


def moved(*places: tuple[float, float], zero: int = 1) -> object:
    frames = np.stack([blob(64, *place) for place in places])
    return replace(counterfactual(len(places), 64, zero=zero), frames=frames)


def test_flow_points_from_the_reconstruction_to_each_end_in_pixels() -> None:
    # Two rows up and three columns to the right at the lower end, one row down at the upper.
    flows = optical_flow(moved((30, 35), (32, 32), (33, 32)))  # type: ignore[arg-type]
    assert list(flows) == ["lower", "upper"]
    around = np.s_[26:39, 26:39]
    for side, expected in (("lower", (-2, 3)), ("upper", (1, 0))):
        assert flows[side].shape == (2, 64, 64)
        assert flows[side].dtype == np.float32
        found = [float(np.median(part[around])) for part in flows[side]]
        assert found == pytest.approx(expected, abs=0.35)


def test_a_side_without_frames_has_no_flow() -> None:
    assert list(optical_flow(moved((32, 32), (33, 32), zero=0))) == ["upper"]  # type: ignore[arg-type]


def test_frames_that_do_not_move_have_no_flow_and_no_arrows() -> None:
    sequence = moved((32, 32), (32, 32), (32, 32))
    flows = optical_flow(sequence)  # type: ignore[arg-type]
    assert max(float(np.abs(flow).max()) for flow in flows.values()) < 0.01
    figure = flow_figure(sequence, flows)  # type: ignore[arg-type]
    assert "hardly any movement" in figure.axes[0].get_title()
    assert figure_bytes(figure, "png").startswith(b"\x89PNG")


def test_arrows_say_how_much_longer_than_the_movement_they_are() -> None:
    sequence = moved((30, 35), (32, 32), (33, 32))
    figure = flow_figure(sequence, optical_flow(sequence))  # type: ignore[arg-type]
    title = figure.axes[0].get_title()
    assert "prediction 0.10 → 0.00, lambda -1" in title
    factor = int(title.split("arrows ")[1].split()[0])
    arrows: Any
    (arrows,) = [one for one in figure.axes[0].collections if hasattr(one, "U")]
    assert arrows.scale == pytest.approx(1 / factor)
    # Up and to the right, as rows and columns count.
    assert arrows.U.mean() > 0 > arrows.V.mean()


def test_frames_that_have_no_flow_are_refused() -> None:
    with pytest.raises(RenderingError, match="at least 16 pixels"):
        optical_flow(counterfactual(size=8))
    frames = np.full((5, 16, 16), np.nan, dtype=np.float32)
    with pytest.raises(RenderingError, match="NaN"):
        optical_flow(replace(counterfactual(), frames=frames))
    with pytest.raises(RenderingError, match="neither side"):
        flow_figure(counterfactual(), {})
