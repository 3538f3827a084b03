"""The points of ROC curves, by hand."""

import numpy as np
from numpy.testing import assert_allclose

from analysis.report.figures.roc import curve


def test_a_curve_goes_from_none_to_all_by_the_scores() -> None:
    # With the condition: 3 of 3 from 2, 2 of 3 from 3; without: 1 of 2 from 2.
    values = np.array([2.0, 3.0, 3.0, 1.0, 2.0])
    truth = np.array([True, True, True, False, False])
    false, true = curve(values, truth, np.array([1.0, 2.0, 3.0]))
    assert_allclose(false, [0, 0, 0.5, 1])
    assert_allclose(true, [0, 2 / 3, 1, 1])
    # The trapezoidal area is Mann and Whitney's: (3 x 1 of the lower, and 2 + 0.5 of the upper) of 6 pairs.
    assert_allclose(np.trapezoid(true, false), 5.5 / 6)
