"""The curve of prediction against lambda shows the numbers, lambda = 0 and why the search ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from explainer.errors import RenderingError
from explainer.methods import lambda_search
from explainer.rendering.figures import STOP_REASONS, curve_figure, figure_bytes
from tests.explainer.rendering.cases import counterfactual


def test_a_curve_holds_every_frame_and_says_why_it_ends() -> None:
    figure = curve_figure({"Mass, tiny": counterfactual()}, threshold=0.5)
    axes = figure.axes[0]
    curve = next(line for line in axes.lines if len(np.asarray(line.get_xdata())) == 5)
    np.testing.assert_allclose(np.asarray(curve.get_xdata()), [-3, -2, -1, 0, 1])
    np.testing.assert_allclose(np.asarray(curve.get_ydata()), [0, 0.1, 0.2, 0.3, 0.4])
    zero = next(line for line in axes.lines if len(np.asarray(line.get_xdata())) == 1)
    assert np.asarray(zero.get_xdata()).tolist() == [0]
    assert np.asarray(zero.get_ydata()).tolist() == pytest.approx([0.3])
    (legend,) = figure.legends
    assert legend.get_texts()[0].get_text().splitlines() == [
        "Mass, tiny",
        "lower end -3: the wanted change was reached",
        "upper end +1: the prediction turned",
    ]


def test_several_classifiers_share_a_figure() -> None:
    sequences = {name: counterfactual() for name in ("xrv-all", "xrv-mimic_ch", "jfhealthcare")}
    figure = curve_figure(sequences)
    assert [text.get_text().splitlines()[0] for text in figure.legends[0].get_texts()] == list(sequences)
    lines = [line for line in figure.axes[0].lines if len(np.asarray(line.get_xdata())) == 5]
    assert len({line.get_color() for line in lines}) == len({line.get_marker() for line in lines}) == 3
    # The legend is above the axes, not on the curves.
    figure.canvas.draw()
    assert figure.legends[0].get_window_extent().y0 >= figure.axes[0].get_window_extent().y1 - 1


def test_every_reason_to_stop_has_words() -> None:
    reasons = {value for name, value in vars(lambda_search).items() if name.isupper() and isinstance(value, str)}
    assert reasons == set(STOP_REASONS)


def test_a_figure_repeats_byte_for_byte_also_from_threads() -> None:
    with ThreadPoolExecutor(4) as pool:
        drawn = set(pool.map(lambda _: figure_bytes(curve_figure({"Mass": counterfactual()}), "svg"), range(6)))
    (svg,) = drawn
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  # made here
    assert b"dc:date" not in svg


def test_a_curve_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(RenderingError, match="at least one"):
        curve_figure({})
    with pytest.raises(RenderingError, match="Mass has NaN"):
        curve_figure({"Mass": replace(counterfactual(), predictions=(0.1, 0.2, float("nan"), 0.4, 0.5))})
