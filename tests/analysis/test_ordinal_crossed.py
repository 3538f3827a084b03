"""Two crossed random intercepts by Laplace's approximation."""

import numpy as np
import pytest
from scipy.special import expit

from analysis.ordinal import Design, OrdinalError, fit_ordinal
from analysis.ordinal_crossed import fit_crossed
from tests.analysis.test_ordinal import wine


def test_the_wine_data_have_judges_and_no_bottles() -> None:
    # R: summary(ordinal::clmm(rating ~ temp + contact + (1 | judge) + (1 | bottle), data = wine)): the variance of
    # bottles is 0, and the rest is that of judges alone by Laplace: logLik -81.57, sd 1.131.
    scores, design = wine()
    fit = fit_crossed(scores, design, np.tile(np.arange(8), 9))
    assert fit.log_likelihood == pytest.approx(-81.57, abs=5e-3)
    assert fit.coefficients == pytest.approx([3.0630, 1.8349], abs=5e-4)
    assert [fit.wald(name).se for name in fit.names] == pytest.approx([0.5954, 0.5125], abs=5e-4)
    assert fit.sd == pytest.approx(1.131, abs=1e-3)
    assert fit.sd_second == 0
    assert fit.reason is None


def test_two_spreads_are_found_again() -> None:
    rng = np.random.default_rng(1)
    case, reader = (axis.ravel() for axis in np.indices((80, 12)))
    x = rng.integers(0, 2, len(case)).astype(float)
    latent = 0.8 * x + rng.normal(0, 1.2, 80)[case] + rng.normal(0, 0.8, 12)[reader] + rng.logistic(size=len(case))
    scores = np.sum(latent[:, None] > np.array([-1.0, 0.0, 1.5]), axis=1)
    design = Design(x[:, None], ("x",), case)
    fit = fit_crossed(scores, design, reader)
    assert abs(fit.coefficients[0] - 0.8) < 3 * fit.wald("x").se
    assert fit.sd == pytest.approx(1.2, abs=0.3)
    assert fit.sd_second == pytest.approx(0.8, abs=0.4)
    # Readers as fixed effects answer the same question about x.
    fixed = np.column_stack([x, *(reader == number for number in range(1, 12))]).astype(float)
    other = fit_ordinal(scores, Design(fixed, ("x", *(f"r{number}" for number in range(1, 12))), case))
    assert fit.coefficients[0] == pytest.approx(other.coefficients[0], abs=0.05)
    assert expit(fit.thresholds).shape == (3,)


def test_both_factors_are_needed() -> None:
    scores, design = wine(groups=False)
    with pytest.raises(OrdinalError, match="Two crossed factors"):
        fit_crossed(scores, design, np.zeros(72, dtype=np.intp))
