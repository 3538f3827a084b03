"""Power by simulation: drawn studies look as planned, tests hold their level, the command tells the time."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.commands.main import main
from analysis.commands.progress import Progress
from analysis.data.errors import AnalysisError
from analysis.data.schema import validate, write_responses
from analysis.sections import power_simulation
from analysis.sections.ordinal_tables import ARM, INTERACTION, LABEL
from analysis.sections.power_simulation import Assumed, Pilot, fit_pilot, planned_design, simulated_power, with_effects
from analysis.statistics.ordinal import fit_ordinal, simulate
from analysis.statistics.ordinal_design import independent_columns
from analysis.statistics.signed_rank import signed_rank
from tests.typed import cell_of


def pilot_frame(readers: int = 3, cases: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = [
        {
            "reader": f"r{reader}",
            "case": f"c{case}",
            "target": "Mass",
            "label": "TP" if case % 2 else "FP",
            "arm": arm,
            "period": 1 + ((case // 2 + reader + (arm == "B")) % 2),
            "question": "confidence",
            "value": float(
                np.clip(round(3 + 0.5 * (case % 2) + 0.2 * reader + rng.normal() + (arm == "B") * 0.3), 1, 5)
            ),
        }
        for reader in range(readers)
        for case in range(cases)
        for arm in "AB"
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def pilot() -> Pilot:
    return fit_pilot(validate(pilot_frame()), "confidence", ("A", "B"))


def test_a_planned_study_is_a_balanced_crossover(pilot: Pilot) -> None:
    design = planned_design(pilot, 4, 30, np.random.default_rng(0))
    X = pd.DataFrame(design.X, columns=list(design.names)).assign(case=design.groups)
    assert len(X) == 4 * 30 * 2
    assert X[LABEL].mean() == 0.5
    later = X[pilot.later]
    assert X.assign(later=later).groupby(["case", ARM])["later"].mean().eq(0.5).all()
    assert X.assign(later=later).groupby([LABEL, ARM])["later"].mean().eq(0.5).all()
    assert (X[INTERACTION] == X[ARM] * X[LABEL]).all()


def test_assumed_odds_ratios_replace_those_of_the_pilot(pilot: Pilot) -> None:
    fit = with_effects(pilot, Assumed(odds_true=2.0, odds_false=0.5)).fit
    effect = dict(zip(fit.names, fit.coefficients, strict=True))
    assert np.exp(effect[ARM]) == pytest.approx(0.5)
    assert np.exp(effect[ARM] + effect[INTERACTION]) == pytest.approx(2)
    kept = with_effects(pilot, Assumed(odds_false=1.0)).fit
    before = dict(zip(pilot.fit.names, pilot.fit.coefficients, strict=True))
    after = dict(zip(kept.names, kept.coefficients, strict=True))
    assert after[ARM] + after[INTERACTION] == pytest.approx(before[ARM] + before[INTERACTION])
    with pytest.raises(AnalysisError, match="above 0"):
        with_effects(pilot, Assumed(odds_true=0.0))


def test_a_drawn_study_gives_back_what_it_was_drawn_from(pilot: Pilot) -> None:
    planned = with_effects(pilot, Assumed(odds_true=3.0, odds_false=1.0))
    rng = np.random.default_rng(8)
    design = planned_design(planned, 6, 800, rng)
    scores = simulate(planned.fit, design, rng)
    kept = independent_columns(design.X)
    fit = fit_ordinal(scores, design.without(*(name for k, name in enumerate(design.names) if k not in kept)))
    for names, expected in (((ARM, INTERACTION), np.log(3)), ((ARM,), 0.0)):
        found = fit.wald(*names)
        assert found.estimate == pytest.approx(expected, abs=3 * found.se)


def test_without_an_effect_the_test_over_cases_holds_its_level_and_the_published_one_does_not(pilot: Pilot) -> None:
    """Readers whose differences on a case go together: the pooled test takes them for independent."""
    none = with_effects(pilot, Assumed(odds_true=1.0, odds_false=1.0, shared_sd=2.0))
    found = {
        method: simulated_power(none, 4, 60, studies=400, method=method, seed=1).set_index("endpoint")["power"]
        for method in ("cases", "published")
    }
    true = "arm, true positives"
    # 400 studies: 0.05 has a standard error of 0.011.
    assert found["cases"][true] == pytest.approx(0.05, abs=0.035)
    assert found["published"][true] > 0.10


def test_power_grows_with_the_effect_and_the_seed_decides(pilot: Pilot) -> None:
    strong, weak = (with_effects(pilot, Assumed(odds_true=odds, odds_false=1.0)) for odds in (2.5, 1.2))
    table = simulated_power(strong, 3, 60, studies=60, seed=2).set_index("endpoint")
    assert cell_of(table, "arm, true positives", "power") > 0.8
    assert (
        cell_of(simulated_power(weak, 3, 60, studies=60, seed=2).set_index("endpoint"), "arm, true positives", "power")
        < 0.6
    )
    again = simulated_power(strong, 3, 60, studies=60, seed=2).set_index("endpoint")
    pd.testing.assert_frame_equal(table, again)
    model = simulated_power(strong, 2, 40, studies=3, method="model", seed=2)
    assert model["failed"].tolist() == [0, 0, 0]


def test_the_tests_are_those_of_scipy() -> None:
    rng = np.random.default_rng(1)
    differences = rng.integers(-2, 4, (3, 30)).astype(float)
    true = np.arange(30) % 3 > 0
    mine, others, both = power_simulation._cases(differences, true)
    means = differences.mean(axis=0)
    assert mine == pytest.approx(stats.ttest_1samp(means[true], 0).pvalue)
    assert others == pytest.approx(stats.ttest_1samp(means[~true], 0).pvalue)
    assert both == pytest.approx(stats.ttest_ind(means[true], means[~true], equal_var=False).pvalue)
    assert power_simulation._signed_rank(means) == pytest.approx(signed_rank(means).p_value)
    assert np.isnan(power_simulation._cases(np.zeros((2, 8)), np.arange(8) < 4)).all()


def test_a_pilot_without_false_positives_or_second_arm_is_refused() -> None:
    frame = validate(pilot_frame())
    for thin in (frame[frame["label"] == "TP"], frame[frame["arm"] == "A"]):
        with pytest.raises(AnalysisError, match="both arms to true and to false positives"):
            fit_pilot(thin, "confidence", ("A", "B"))


def test_the_command_shows_power_and_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_responses(validate(pilot_frame()), tmp_path / "r.csv")
    arguments = ["power", str(tmp_path / "r.csv"), "--simulate", "10", "--readers", "2,3"]
    assert main([*arguments, "--cases", "30", "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("arm x label") == 2
    assert "Simulating: 100%" in shown.err
    assert (tmp_path / "out" / "power.csv").exists()
    assert main(arguments) == 2
    assert "--readers and --cases" in capsys.readouterr().err


def test_on_a_terminal_progress_is_a_bar_with_the_time_left() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    progress = Progress("Work", 4, stream=stream)
    for _ in range(4):
        progress.advance()
    assert stream.getvalue().endswith(" 0 s left \n")
    assert f"[{'#' * 30}] 100%" in stream.getvalue()
