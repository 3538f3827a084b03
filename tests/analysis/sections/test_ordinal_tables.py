"""The report's ordinal models: their terms, what the data cannot tell, and that the order of rows is of no matter."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from analysis.data.schema import validate
from analysis.sections.ordinal_tables import ARM, INTERACTION, LABEL, ORDER, ordinal_tables, report_design
from analysis.statistics.ordinal import fit_ordinal
from tests.typed import cell_of, row_of


def study(*, cases: int = 60, readers: int = 3, seed: int = 1, rise: float = 1.0) -> pd.DataFrame:
    """A crossover in which the arm raises true positives by `rise` log odds and false positives not at all."""
    rng = np.random.default_rng(seed)
    rows = []
    for case in range(cases):
        level, label = rng.normal(0, 1), "TP" if case % 2 else "FP"
        for reader in range(readers):
            for arm in "AB":
                period = 1 if (arm == "A") == (case % 4 < 2) else 2
                latent = level + rise * (arm == "B") * (label == "TP") - 0.8 * (period == 2) + rng.logistic()
                rows.append(
                    {
                        "reader": f"r{reader}",
                        "case": f"c{case}",
                        "target": "Mass",
                        "label": label,
                        "arm": arm,
                        "period": period,
                        "question": "q",
                        "value": 1 + np.sum(latent > np.array([-1.5, 0, 1.5])),
                    }
                )
    return pd.DataFrame(rows)


def terms_of(frame: pd.DataFrame, model: str = "main") -> pd.DataFrame:
    table = ordinal_tables(validate(frame), ["A", "B"])[0]["ordinal"]
    return table[table["model"] == model].set_index("term")


def test_the_design_is_the_documented_one() -> None:
    frame = validate(study(cases=4, readers=2))
    terms = report_design(frame, ["A", "B"], order=True)
    assert terms.design.names == (ARM, LABEL, INTERACTION, ORDER, "period 2", "reader r1")
    row = frame.index[(frame["case"] == "c3") & (frame["arm"] == "B") & (frame["reader"] == "r1")][0]
    # Case 3 is a true positive that was seen in arm B first.
    assert terms.design.X[row].tolist() == [1, 1, 1, 1, 0, 1]
    assert terms.dropped == ()


def test_the_interaction_says_that_true_positives_rise_more_and_the_period_that_scores_fall() -> None:
    table = terms_of(study(cases=200))
    for term, truth in {
        "arm, true positives": 1.0,
        "arm, false positives": 0.0,
        "arm x label": 1.0,
        "period 2": -0.8,
    }.items():
        row = row_of(table, term)
        assert abs(row["estimate"] - truth) < 3.5 * row["se"], term
        assert row["or_low"] < row["odds_ratio"] < row["or_high"]
    assert cell_of(table, "arm x label", "p_robust") < 0.01
    difference = cell_of(table, "arm, true positives", "estimate") - cell_of(table, "arm, false positives", "estimate")
    assert cell_of(table, "arm x label", "estimate") == pytest.approx(difference)
    # Wald and likelihood ratio of one coefficient are near each other in large samples.
    assert cell_of(table, "arm x label", "z") ** 2 == pytest.approx(cell_of(table, "arm x label", "lr_chi2"), rel=0.1)
    assert table["lr_p"].notna().sum() == 1


@pytest.mark.parametrize("cases", [8, 24])
def test_few_cases_get_a_note_beside_the_number_and_too_few_get_it_in_its_place(cases: int) -> None:
    row = row_of(terms_of(study(cases=cases)), "arm x label")
    tests = row[["odds_ratio", "or_low", "or_high", "se", "p_value", "se_robust", "p_robust", "lr_p"]]
    if cases == 8:
        assert tests.isna().all()
        assert "no test from so few cases: 8 cases" in row["note"]
        assert np.isfinite(row["estimate"])
    else:
        assert tests.notna().all()
        assert "few cases (24): t with" in row["note"]
        assert 4 < row["df_robust"] < 24
    assert (terms_of(study(cases=60))["note"] == "").all()


def test_an_unfinished_study_says_how_few_cases_have_both_arms() -> None:
    frame = study(cases=60)
    unfinished = frame[(frame["period"] == 1) | frame["case"].isin(["c0", "c1", "c2"])]
    notes = terms_of(unfinished)["note"]
    assert "of 60 cases were read in both arms by one reader" in notes["arm x label"]
    assert "of 30 cases were read in both arms by one reader" in notes["arm, true positives"]


def test_swapping_the_arms_turns_the_signs() -> None:
    frame = study()
    table = ordinal_tables(validate(frame), ["B", "A"])[0]["ordinal"].set_index(["model", "term"])
    one, other = row_of(terms_of(frame), "arm x label"), row_of(table, ("main", "arm x label"))
    assert other["estimate"] == pytest.approx(-one["estimate"])
    assert other["p_value"] == pytest.approx(one["p_value"])


def test_the_order_of_rows_changes_nothing() -> None:
    frame = study(cases=20)
    pd.testing.assert_frame_equal(terms_of(frame.sample(frac=1, random_state=3)), terms_of(frame))


def test_the_model_with_order_has_the_order_and_its_likelihood_ratio() -> None:
    table = terms_of(study(), "with order")
    assert np.isfinite(table.loc[ORDER, ["estimate", "se", "lr_chi2", "lr_p"]].to_numpy(dtype=float)).all()


@pytest.mark.parametrize(
    ("change", "message", "terms"),
    [
        (lambda f: f.assign(period=1 + (f["arm"] == "B")), "period 2", ["arm x label"]),
        (lambda f: f[f["label"] == "TP"], "label, arm x label", ["arm, true positives"]),
        (lambda f: f[f["label"] == "FP"], "label, arm x label", ["arm, false positives"]),
        (lambda f: f.assign(value=3), "all answers are equal", []),
        (lambda f: f[f["case"] == "c1"], "fewer than two cases", []),
        (lambda f: f.assign(value=np.arange(len(f))), "different scores, more than 30", []),
    ],
)
def test_what_the_data_cannot_tell_is_said(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str, terms: list[str]
) -> None:
    tables, messages = ordinal_tables(validate(change(study())), ["A", "B"])
    assert any(message in text for text in messages), messages
    assert set(terms) <= set(tables["ordinal"]["term"])
    assert tables["ordinal"].empty == (not terms)


def test_one_arm_gives_empty_tables() -> None:
    tables, messages = ordinal_tables(validate(study(cases=4)), ["A"])
    assert tables["ordinal"].empty
    assert tables["ordinal_models"].empty
    assert messages == []


@pytest.mark.shared_data
def test_the_published_study_has_the_estimates_of_a_general_optimiser(published_study: pd.DataFrame) -> None:
    """The log-likelihood of the fit by plain Gauss-Hermite quadrature with many nodes, as a second implementation."""
    from scipy.special import expit

    frame = validate(published_study)
    answers = frame[frame["question"] == "confidence"]
    design = report_design(answers, ["A", "B"]).design
    fit = fit_ordinal(answers["value"], design)
    nodes, weights = np.polynomial.hermite_e.hermegauss(150)
    chosen = answers["value"].to_numpy(dtype=int) - 1
    lines = design.X @ fit.coefficients
    cumulative = expit(fit.thresholds[None, :, None] - lines[:, None, None] - fit.sd * nodes[None, None, :])
    edges = np.concatenate([np.zeros((960, 1, 150)), cumulative, np.ones((960, 1, 150))], axis=1)
    each = np.log(np.maximum(np.diff(edges, axis=1)[np.arange(960), chosen, :], 1e-300))
    assert design.groups is not None
    joint = np.zeros((240, 150))
    np.add.at(joint, design.groups, each)
    total = np.log(np.exp(joint) @ (weights / np.sqrt(2 * np.pi))).sum()
    assert fit.log_likelihood == pytest.approx(total, abs=1e-3)
