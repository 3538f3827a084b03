"""Power by Obuchowski and Rockette: the published pilot, second implementations, and what is out of reach."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.commands.main import main
from analysis.data.errors import AnalysisError
from analysis.data.ratings import Ratings
from analysis.data.schema import write_responses
from analysis.mrmc.merit import Merit
from analysis.mrmc.obuchowski_rockette import ObuchowskiRockette, compare
from analysis.mrmc.pilot import components_of, load_pilot, pilot_components
from analysis.report.power_report import build_power
from analysis.sections.power_tables import Plan, power_table
from analysis.statistics.power import (
    ANALYSES,
    Comparison,
    Components,
    cases_needed,
    check_components,
    power,
    readers_needed,
    with_effect,
)

# Van Dyke, rounded as published.
PILOT = Components(
    effect=0.0438003,
    var_tr=0.00020040,
    var_error=0.00080229,
    cov1=0.00034661,
    cov2=0.00034407,
    cov3=0.00023903,
    cases=114,
)


@pytest.mark.shared_data
def test_cases_that_van_dykes_pilot_asks_of_ten_readers_are_the_published_ones(
    shared_data_dir: Path, tmp_path: Path
) -> None:
    path = shared_data_dir / "statistics" / "vandyke.csv"
    assert main(["power", str(path), "--readers", "10", "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "results.json").read_text())["tables"]["power"]
    assert {row["analysis"]: row["cases"] for row in rows} == {"RRRC": 163, "FRRC": 133, "RRFC": 53}
    assert (tmp_path / "power.svg").exists()


def test_given_components_give_the_same_as_the_pilot() -> None:
    needed = {name: cases_needed(PILOT, 10, test=Comparison(name)) for name in ANALYSES}
    assert needed == {"RRRC": 163, "FRRC": 133, "RRFC": 53}


def test_with_fixed_cases_the_power_is_that_of_a_paired_t_test_over_readers() -> None:
    readers, cases = 7, 90
    variance = 2 * (PILOT.var_tr + 114 / cases * (PILOT.var_error - PILOT.cov1 - (PILOT.cov2 - PILOT.cov3)))
    shift, bound = PILOT.effect * np.sqrt(readers / variance), stats.t.isf(0.025, readers - 1)
    expected = stats.nct.sf(bound, readers - 1, shift) + stats.nct.cdf(-bound, readers - 1, shift)
    assert power(PILOT, readers, cases, Comparison("RRFC")) == pytest.approx(expected)


def test_with_fixed_readers_the_power_is_nearly_that_of_a_normal_test() -> None:
    readers, cases = 5, 400
    variance = 2 / readers * 114 / cases * (PILOT.var_error - PILOT.cov1 + (readers - 1) * (PILOT.cov2 - PILOT.cov3))
    z = with_effect(PILOT, 0.03).effect / np.sqrt(variance)
    expected = stats.norm.sf(1.959964 - z) + stats.norm.cdf(-1.959964 - z)
    assert power(with_effect(PILOT, 0.03), readers, cases, Comparison("FRRC")) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_without_an_effect_the_power_is_alpha_and_the_direction_does_not_matter(analysis: str) -> None:
    [name] = [known for known in ANALYSES if known == analysis]
    assert power(with_effect(PILOT, 0.0), 6, 100, Comparison(name, alpha=0.01)) == pytest.approx(0.01)
    turned = with_effect(PILOT, -PILOT.effect)
    assert power(turned, 6, 100, Comparison(name)) == power(PILOT, 6, 100, Comparison(name))


def test_non_inferiority_at_no_difference_is_a_one_sided_test_of_the_margin() -> None:
    same = with_effect(PILOT, 0.0)
    found = power(same, 7, 90, Comparison("RRFC", margin=0.04))
    variance = 2 * (PILOT.var_tr + 114 / 90 * (PILOT.var_error - PILOT.cov1 - (PILOT.cov2 - PILOT.cov3)))
    assert found == pytest.approx(stats.nct.sf(stats.t.isf(0.025, 6), 6, 0.04 * np.sqrt(7 / variance)))
    worse = power(with_effect(PILOT, -0.04), 7, 90, Comparison("RRFC", margin=0.04))
    assert worse == pytest.approx(0.025)


def test_readers_and_cases_needed_are_the_least_that_reach_the_power() -> None:
    readers = readers_needed(PILOT, 200)
    assert readers is not None
    assert power(PILOT, readers, 200) >= 0.8 > power(PILOT, readers - 1, 200)
    cases = cases_needed(PILOT, 8, target=0.9)
    assert cases is not None
    assert power(PILOT, 8, cases) >= 0.9 > power(PILOT, 8, cases - 1)


def test_what_no_number_of_cases_reaches_is_said_and_not_counted() -> None:
    table = power_table(PILOT, Plan(readers=(3,), analyses=("RRRC",)))
    [row] = table.to_dict("records")
    assert pd.isna(row["cases"])
    assert "out of reach" in row["note"]
    assert "random readers need at least two" in power_table(PILOT, Plan(readers=(1,), cases=(50,)))["note"].tolist()


def test_a_negative_variance_counts_as_none_and_is_reported() -> None:
    negative = replace(PILOT, var_tr=-0.0003)
    assert power(negative, 5, 100) == power(replace(PILOT, var_tr=0.0), 5, 100)
    assert any("negative" in message for message in build_power(negative).messages)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cov2": np.nan}, "does not tell cov2"),
        ({"cases": 0}, "0 cases"),
        ({"var_error": 0.0001}, "above 0 and Cov1"),
    ],
)
def test_components_that_make_no_sense_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        check_components(replace(PILOT, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"target": 1.0}, {"readers": (0,)}])
def test_a_plan_that_makes_no_sense_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(AnalysisError):
        build_power(PILOT, Plan(**options))  # type: ignore[arg-type]


def test_responses_are_a_pilot_with_the_effect_of_the_second_arm(small_study: pd.DataFrame, tmp_path: Path) -> None:
    write_responses(small_study, tmp_path / "responses.csv")
    forward, backward = (
        pilot_components(load_pilot(tmp_path / "responses.csv", treatments=arms)) for arms in (("A", "B"), ("B", "A"))
    )
    assert forward.effect == pytest.approx(-backward.effect)
    assert forward.var_error == pytest.approx(backward.var_error)
    assert forward.cases == 16
    with pytest.raises(AnalysisError, match="no treatment C"):
        load_pilot(tmp_path / "responses.csv", treatments=("A", "C"))
    with pytest.raises(AnalysisError, match="no question other"):
        load_pilot(tmp_path / "responses.csv", question="other")


def test_the_command_takes_components_and_overrides_the_pilot(
    small_study: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"var-tr": PILOT.var_tr, "var-error": PILOT.var_error, "cov1": PILOT.cov1, "effect": PILOT.effect}
    given = [f"--{name}={value}" for name, value in {**values, "cov2": PILOT.cov2, "cov3": PILOT.cov3}.items()]
    assert main(["power", *given, "--pilot-cases", "114", "--readers", "10", "--analysis", "RRRC"]) == 0
    alone = capsys.readouterr().out
    assert "163" in alone
    write_responses(small_study, tmp_path / "responses.csv")
    path = str(tmp_path / "responses.csv")
    assert main(["power", path, *given, "--pilot-cases", "114", "--readers", "10", "--analysis", "RRRC"]) == 0
    assert capsys.readouterr().out == alone
    assert main(["power", "--readers", "10"]) == 2
    assert main(["power", "--pilot-cases", "10", "--effect", "0.1"]) == 2
    assert "does not tell var_tr, var_error" in capsys.readouterr().err


def pilot_with(cov2: float, cov3: float) -> ObuchowskiRockette:
    """Two treatments and four readers with MS(TR) .0006, Var(error) .0008, Cov1 .00035, whatever their AUC."""
    spread = np.sqrt(0.0006 * 3 / 2 / 4) * np.array([1, -1, 1, -1])
    values = np.array([0.85 + spread, 0.80 - spread])
    treatment, reader = np.repeat([0, 1], 4), np.tile(range(4), 2)
    same_t, same_r = treatment[:, None] == treatment, reader[:, None] == reader
    matrix = np.select([same_t & same_r, same_r, same_t], [0.0008, 0.00035, cov2], cov3)
    return compare(Merit(values, matrix), ["A", "B"], [f"r{number}" for number in range(4)])


def test_where_cov2_is_below_cov3_the_pilots_reader_variance_follows_equation_9_of_hillis_2011() -> None:
    """Var(TR) = MS(TR) - Var(error) + Cov1 + max(Cov2 - Cov3, 0): .00015, not .0001."""
    pilot = pilot_with(0.0002, 0.00025)
    assert pilot.components.ms_treatment_reader == pytest.approx(0.0006)
    ratings = Ratings(
        np.zeros((2, 4, 100)),
        np.arange(100) < 50,
        ("A", "B"),
        ("r0", "r1", "r2", "r3"),
        tuple(map(str, range(100))),
        (),
    )
    components = components_of(ratings, pilot)
    assert components.var_tr == pytest.approx(0.00015)
    # In R, with s = max(c2 - c3, 0), vtr = max(0, mstr - v + c1 + s), den = vtr + 100 / 200 * (v - c1 + (J - 1) * s),
    # ddf = den^2 / ((vtr + 100 / 200 * (v - c1 - s))^2 / (J - 1)), J = 6 and d = .05, the power is
    # 1 - pf(qf(.95, 1, ddf), 1, ddf, d^2 * J / 2 / den).
    assert power(with_effect(components, 0.05), 6, 200, Comparison("RRRC")) == pytest.approx(0.941625701296)
    above = components_of(ratings, pilot_with(0.00025, 0.0002))
    assert above.var_tr == pytest.approx(0.0002)


def test_what_counts_as_zero_is_said() -> None:
    report = build_power(replace(PILOT, cov2=0.0002, cov3=0.00025, var_tr=-1e-5), Plan(readers=(5,), cases=(100,)))
    assert any("Cov2 (0.0002) is below Cov3 (0.00025); their difference counts as 0" in one for one in report.messages)
    assert any("variance is negative (-1e-05); it counts as 0" in one for one in report.messages)
    assert all(message in report.methods for message in report.messages)
    assert not build_power(PILOT, Plan(readers=(5,), cases=(100,))).messages
