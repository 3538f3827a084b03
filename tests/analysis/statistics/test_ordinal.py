"""The cumulative-link mixed model: published fits, a second implementation, its limits, and its simulation."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats
from scipy.special import expit

from analysis.statistics.ordinal import OrdinalFit, fit_ordinal, likelihood_ratio, probabilities, simulate
from analysis.statistics.ordinal_design import Design, OrdinalError, independent_columns

# Bitterness of wine (Randall 1989): nine judges, eight bottles; the last four warm, bottles 3, 4, 7, 8 with contact.
WINE = "23344455 12132354 23325544 32323253 23433333 32322454 11222323 22233334 12323244".split()  # noqa: SIM905


def wine(*, groups: bool = True) -> tuple[NDArray[np.float64], Design]:
    scores = np.array([float(score) for judge in WINE for score in judge])
    bottle, judge = np.tile(np.arange(8), 9), np.repeat(np.arange(9), 8)
    X = np.column_stack([bottle >= 4, np.isin(bottle, [2, 3, 6, 7])]).astype(np.float64)
    return scores, Design(X, ("temp", "contact"), judge if groups else None)


def random_design(rng: np.random.Generator, *, groups: int = 150, size: int = 6) -> Design:
    n = groups * size
    X = np.column_stack([rng.integers(0, 2, n), rng.normal(0, 1, n)]).astype(np.float64)
    return Design(X, ("arm", "slope"), np.repeat(np.arange(groups), size))


def a_fit(**changes: Any) -> OrdinalFit:
    values: dict[str, object] = {
        "categories": (1.0, 2.0, 3.0, 4.0),
        "thresholds": np.array([-1.0, 0.2, 1.5]),
        "names": ("arm", "slope"),
        "coefficients": np.array([0.6, -0.4]),
        "sd": 1.1,
        "covariance": np.eye(6),
        "robust": np.eye(6),
        "log_likelihood": 0.0,
        "log_likelihood_fixed": 0.0,
        "n": 0,
        "n_groups": 1,
        "nodes": 15,
        "steps": 0,
        "converged": True,
        "boundary": False,
        "reason": None,
    }
    return OrdinalFit(**{**values, **changes})


def test_the_mixed_model_of_the_wine_data_is_the_published_one() -> None:
    # R: summary(ordinal::clmm(rating ~ temp + contact + (1 | judge), data = wine, nAGQ = 10))
    fit = fit_ordinal(*wine(), nodes=10)
    assert fit.log_likelihood == pytest.approx(-81.5325, abs=5e-5)
    assert fit.coefficients == pytest.approx([3.0619, 1.8334], abs=5e-5)
    assert [fit.wald(name).se for name in fit.names] == pytest.approx([0.595, 0.512], abs=5e-4)
    assert fit.converged
    assert fit.reason is None


def test_the_model_without_random_intercept_is_the_published_one() -> None:
    # R: summary(ordinal::clm(rating ~ temp + contact, data = wine))
    fit = fit_ordinal(*wine(groups=False))
    assert fit.log_likelihood == pytest.approx(-86.49192, abs=5e-6)
    assert fit.coefficients == pytest.approx([2.5031, 1.5278], abs=5e-5)
    assert [fit.wald(name).se for name in fit.names] == pytest.approx([0.5287, 0.4766], abs=5e-5)
    assert fit.thresholds == pytest.approx([-1.3444, 1.2508, 3.4669, 5.0064], abs=5e-5)
    # R: anova against rating ~ 1
    statistic, df, p_value = likelihood_ratio(fit, fit_ordinal(wine()[0], wine(groups=False)[1].without("contact")))
    assert df == 1
    assert p_value == pytest.approx(stats.chi2.sf(statistic, 1))
    assert statistic == pytest.approx(11.043, abs=5e-3)


def test_more_nodes_change_nothing_that_is_printed() -> None:
    coarse, fine = fit_ordinal(*wine(), nodes=10), fit_ordinal(*wine(), nodes=40)
    assert coarse.log_likelihood == pytest.approx(fine.log_likelihood, abs=1e-6)
    assert coarse.covariance == pytest.approx(fine.covariance, abs=1e-5)


def test_the_likelihood_is_that_of_numerical_integration() -> None:
    scores, design = wine()
    fit = fit_ordinal(scores, design)
    total = 0.0
    for judge in range(9):
        own: NDArray[np.bool_] = np.asarray(design.groups == judge)
        chosen = scores[own].astype(int) - 1

        def density(u: float, own: NDArray[np.bool_] = own, chosen: NDArray[np.int_] = chosen) -> float:
            lines = design.X[own] @ fit.coefficients + fit.sd * u
            cumulative = expit(fit.thresholds[None, :] - lines[:, None])
            edges = np.hstack([np.zeros((8, 1)), cumulative, np.ones((8, 1))])
            each = np.diff(edges, axis=1)[np.arange(8), chosen]
            return float(np.prod(each) * stats.norm.pdf(u))

        total += np.log(integrate.quad(density, -8, 8, epsabs=1e-14)[0])
    assert fit.log_likelihood == pytest.approx(total, abs=1e-6)


def test_standard_errors_are_those_of_numerical_second_differences() -> None:
    """Louis' identity against the likelihood itself, profiled over the other parameters."""
    scores, design = wine()
    full = fit_ordinal(scores, design)
    # A quadratic around the maximum: fixing temp at estimate +- se loses about half a unit of log-likelihood each way.
    se, loss = full.wald("temp").se, []
    for sign in (-1, 1):
        shift = (full.coefficients[0] + sign * 0.2 * se) * design.X[:, 0]
        loss.append(full.log_likelihood - _profiled(scores, design, shift))
    assert np.mean(loss) == pytest.approx(0.2**2 / 2, rel=0.02)


def _profiled(scores: NDArray[np.float64], design: Design, shift: NDArray[np.float64]) -> float:
    """Largest log-likelihood with temp's part of the predictor fixed at `shift`, by a general optimiser."""
    from scipy import optimize

    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    chosen = scores.astype(int) - 1

    def negative(point: NDArray[np.float64]) -> float:
        thresholds = np.concatenate([point[:1], point[0] + np.cumsum(np.exp(point[1:4]))])
        lines = shift + design.X[:, 1] * point[4]
        cumulative = expit(thresholds[None, :, None] - lines[:, None, None] - np.exp(point[5]) * nodes[None, None, :])
        edges = np.concatenate([np.zeros((72, 1, 60)), cumulative, np.ones((72, 1, 60))], axis=1)
        each = np.log(np.diff(edges, axis=1)[np.arange(72), chosen, :])
        joint = np.exp(each.reshape(9, 8, 60).sum(axis=1)) @ (weights / np.sqrt(2 * np.pi))
        return -float(np.log(joint).sum())

    start = np.array([-1.6, 1.14, 1.0, 0.62, 1.83, 0.13])
    return -float(optimize.minimize(negative, start, method="BFGS").fun)


def test_with_two_scores_and_nothing_else_the_threshold_is_the_logit() -> None:
    fit = fit_ordinal([0, 0, 0, 1], Design(np.zeros((4, 0)), ()))
    assert fit.thresholds == pytest.approx([np.log(3)])
    # The variance of a logit is 1 / (n p (1 - p)).
    assert np.sqrt(fit.covariance[0, 0]) == pytest.approx(np.sqrt(1 / (4 * 0.75 * 0.25)))
    assert fit.log_likelihood == pytest.approx(3 * np.log(0.75) + np.log(0.25))


def test_what_was_simulated_is_found_again() -> None:
    rng = np.random.default_rng(1)
    design = random_design(rng, groups=600)
    truth = a_fit()
    fit = fit_ordinal(simulate(truth, design, rng), design)
    errors = [(fit.coefficients[j] - truth.coefficients[j]) / fit.wald(name).se for j, name in enumerate(fit.names)]
    assert np.abs(errors).max() < 3.5
    assert abs(fit.sd - 1.1) < 3.5 * fit.sd_se
    assert fit.thresholds == pytest.approx(truth.thresholds, abs=0.25)
    assert fit.icc == pytest.approx(fit.sd**2 / (fit.sd**2 + np.pi**2 / 3))


def test_simulated_scores_have_the_probabilities_of_the_model() -> None:
    design = Design(np.tile([1.0, 0.5], (40000, 1)), ("arm", "slope"))
    drawn = simulate(a_fit(), design, np.random.default_rng(2))
    shares = [np.mean(drawn == category) for category in (1, 2, 3, 4)]
    expected = probabilities(a_fit(), design)[0]
    assert expected == pytest.approx(np.diff([0, *expit(np.array([-1.0, 0.2, 1.5]) - 0.4), 1]))
    assert shares == pytest.approx(expected, abs=0.01)


def test_the_order_of_readings_and_the_numbers_of_groups_change_nothing() -> None:
    scores, design = wine()
    order = np.random.default_rng(3).permutation(72)
    assert design.groups is not None
    other = Design(design.X[order], design.names, 20 - 2 * design.groups[order])
    first, second = fit_ordinal(scores, design), fit_ordinal(scores[order], other)
    assert second.coefficients == pytest.approx(first.coefficients, abs=1e-8)
    assert second.log_likelihood == pytest.approx(first.log_likelihood, abs=1e-9)


def test_scores_that_nobody_gave_are_no_category() -> None:
    scores, design = wine()
    fit = fit_ordinal(10 * scores, design)
    assert fit.categories == (10, 20, 30, 40, 50)
    assert fit.coefficients == pytest.approx([3.0619, 1.8334], abs=5e-5)


def test_cases_that_do_not_differ_give_a_variance_of_zero_and_the_fixed_model() -> None:
    """Every group has the same answers, so that groups differ less than chance would have it."""
    scores, X = np.tile([1.0, 2.0, 3.0, 2.0], 10), np.tile([0.0, 1.0, 0.0, 1.0], 10)[:, None]
    fit = fit_ordinal(scores, Design(X, ("x",), np.repeat(np.arange(10), 4)))
    alone = fit_ordinal(scores, Design(X, ("x",)))
    assert fit.boundary
    assert (fit.sd, fit.icc) == (0, 0)
    assert fit.wald("x") == alone.wald("x")
    assert fit.random_test() == (0, 1)
    assert np.isnan(fit.sd_se)


def test_answers_that_separate_perfectly_have_no_standard_error_but_a_reason() -> None:
    fit = fit_ordinal([1, 1, 1, 2, 2, 2], Design(np.array([[0.0], [0], [0], [1], [1], [1]]), ("x",)))
    assert "separate" in str(fit.reason)
    assert np.isnan([fit.wald("x").se, fit.wald("x").p_value]).all()


def test_the_test_of_the_random_intercept_halves_the_p_value() -> None:
    statistic, p_value = fit_ordinal(*wine()).random_test()
    assert statistic == pytest.approx(2 * (86.49192 - 81.53246), abs=5e-5)
    assert p_value == pytest.approx(stats.chi2.sf(statistic, 1) / 2)


def test_odds_ratios_have_the_interval_of_the_logarithm() -> None:
    wald = fit_ordinal(*wine()).wald("temp", "contact")
    ratio, low, high = wald.odds_ratio()
    assert wald.estimate == pytest.approx(3.0619 + 1.8334, abs=1e-4)
    assert (low, high) == pytest.approx(tuple(np.exp(wald.estimate + np.array([-1, 1]) * 1.959964 * wald.se)))
    assert ratio == pytest.approx(np.sqrt(low * high))


def test_robust_standard_errors_see_effects_that_differ_between_groups() -> None:
    """The effect of the arm varies between groups (sd 2), which the model does not know."""
    rng = np.random.default_rng(9)
    design = random_design(rng, groups=50, size=16)
    assert design.groups is not None
    estimates, errors = [], []
    for _ in range(60):
        slopes = 2.0 * rng.standard_normal(50)[design.groups] * design.X[:, 0]
        cumulative = expit(np.array([-1.0, 0.2, 1.5])[None, :] - slopes[:, None])
        scores = 1.0 + np.sum(rng.random(len(slopes))[:, None] > cumulative, axis=1)
        fit = fit_ordinal(scores, design, nodes=7)
        estimates.append(fit.coefficients[0])
        errors.append([fit.wald("arm", robust=robust).se for robust in (True, False)])
    robust_se, model_se = np.mean(errors, axis=0)
    # The standard deviation of 60 estimates is known to about 9%.
    assert robust_se == pytest.approx(np.std(estimates), rel=0.25)
    assert model_se < 0.75 * np.std(estimates)


def test_without_groups_robust_standard_errors_are_those_of_single_readings() -> None:
    # With two scores and one indicator the sandwich has a closed form: the variance of a logit is 1 / (n p (1 - p))
    # in each arm, the same as by the information, but for the factor n / (n - 1).
    fit = fit_ordinal([0, 0, 0, 1, 0, 1], Design(np.array([[0.0], [0], [0], [0], [1], [1]]), ("x",)))
    expected = np.sqrt((1 / (4 * 0.75 * 0.25) + 1 / (2 * 0.5 * 0.5)) * 6 / 5)
    assert fit.wald("x", robust=True).se == pytest.approx(expected)


def test_columns_that_others_make_up_are_found() -> None:
    a, b = np.array([0.0, 0, 1, 1, 0, 1]), np.array([0.0, 1, 0, 1, 1, 1])
    assert independent_columns(np.column_stack([a, 1 - a, np.ones(6), b, a + b, a * b])) == [0, 3, 5]


@pytest.mark.parametrize(
    ("scores", "X", "message"),
    [
        ([3, 3, 3], [[0], [1], [0]], "all answers are equal"),
        ([], np.zeros((0, 1)), "there is no answer"),
        ([1, 2, 3], [[1], [1], [1]], "combinations"),
        ([1, 2, 3], [[1], [0]], "shape"),
        (list(range(40)), [[x % 2] for x in range(40)], "40 different scores"),
    ],
)
def test_what_cannot_be_fitted_says_why(scores: list[float], X: list[list[float]], message: str) -> None:
    with pytest.raises(OrdinalError, match=message):
        fit_ordinal(scores, Design(np.array(X, dtype=float), ("x",)))
