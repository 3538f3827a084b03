"""Cases of one patient or one image: who belongs together, that it is said, and what it changes."""

import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.data.clusters import clusters_of
from analysis.data.pairs import make_pairs
from analysis.data.ratings import Ratings
from analysis.data.schema import validate
from analysis.mrmc.merit import auc_merit, clustered_merit
from analysis.report.build import build
from analysis.sections.accuracy_tables import accuracy_tables
from analysis.sections.effect_tables import effect_table
from analysis.statistics.multiplicity import holm
from tests.typed import cell_of, row_of


def responses(cases: dict[str, tuple[str, str]], differences: dict[str, int], label: str = "TP") -> pd.DataFrame:
    """One reader's answers in two arms; `cases` is case -> image, patient."""
    rows = [
        {"case": case, "image": image, "patient": patient, "arm": arm, "value": 3 + differences[case] * (arm == "B")}
        for case, (image, patient) in cases.items()
        for arm in "AB"
    ]
    return pd.DataFrame(rows).assign(reader="r", target="Mass", label=label, period=1, question="q")


CHAIN = {
    # a and b are one image, b and c one patient, d and e one patient; f knows nothing, and so does g.
    "a": ("1.png", "p1"),
    "b": ("1.png", "p2"),
    "c": ("2.png", "p2"),
    "d": ("3.png", "p3"),
    "e": ("4.png", "p3"),
    "f": ("", ""),
    "g": ("", ""),
}


def test_cases_that_share_an_image_or_a_patient_belong_together_also_through_others() -> None:
    clusters = clusters_of(validate(responses(CHAIN, dict.fromkeys(CHAIN, 1))))
    assert clusters.of_case == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d", "f": "f", "g": "g"}
    assert (clusters.images, clusters.patients, clusters.n_clusters) == (1, 2, 4)
    assert "1 image and 2 patients have more than one case, so that 7 cases are 4 clusters" in str(clusters.sentence())


def test_an_image_and_a_patient_of_equal_name_are_not_the_same() -> None:
    cases = {"a": ("7", "1"), "b": ("8", "7")}
    assert clusters_of(validate(responses(cases, dict.fromkeys(cases, 1)))).are_cases


def test_the_test_of_the_effect_flips_clusters() -> None:
    differences = {"a": 2, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": -1}
    frame = validate(responses(CHAIN, differences))
    table, _ = effect_table(frame, make_pairs(frame, ("A", "B")), seed=1, draws=500, clusters=clusters_of(frame))
    row = row_of(table.set_index(["label", "target"]), ("TP", "all"))
    flips = np.array(list(itertools.product([1, -1], repeat=4))) @ np.array([4, 2, 1, -1])
    assert row["cluster_p"] == np.mean(np.abs(flips) >= 6)
    flips = np.array(list(itertools.product([1, -1], repeat=7))) @ np.array(list(differences.values()))
    assert row["p_value"] == np.mean(np.abs(flips) >= 6)
    assert (row["n_cases"], row["n_clusters"]) == (7, 4)
    assert row["cluster_low"] < row["mean_difference"] < row["cluster_high"]


def test_every_case_twice_is_as_good_as_once() -> None:
    """Doubled cases must not narrow the interval of clusters, as they do that of cases."""
    values = np.random.default_rng(1).integers(-2, 4, 30)
    once = {f"c{number}": (f"{number}.png", "") for number in range(30)}
    twice = {f"{case}{copy}": pair for copy in "xy" for case, pair in once.items()}
    tables = []
    for cases in (once, twice):
        differences = {case: int(values[int(pair[0].removesuffix(".png"))]) for case, pair in cases.items()}
        frame = validate(responses(cases, differences))
        pairs = make_pairs(frame, ("A", "B"))
        table, _ = effect_table(frame, pairs, seed=1, draws=2000, clusters=clusters_of(frame))
        tables.append(row_of(table.set_index(["label", "target"]), ("TP", "all")))
    alone, doubled = tables
    assert doubled["cluster_p"] == alone["p_value"]
    assert doubled["cluster_high"] - doubled["cluster_low"] == pytest.approx(
        alone["ci_high"] - alone["ci_low"], rel=0.1
    )
    assert doubled["ci_high"] - doubled["ci_low"] < 0.8 * (alone["ci_high"] - alone["ci_low"])


def test_clusters_do_not_depend_on_the_order_of_rows(small_study: pd.DataFrame) -> None:
    shared = small_study.assign(patient=small_study["case"].replace({"c2": "c1", "c6": "c1"}))
    tables = []
    for frame in (shared, shared.sample(frac=1, random_state=5)):
        checked = validate(frame)
        pairs = make_pairs(checked, ("A", "B"))
        tables.append(effect_table(checked, pairs, seed=1, draws=50, clusters=clusters_of(checked))[0])
    one, other = tables
    pd.testing.assert_frame_equal(one, other)


def test_cases_of_one_patient_alone_have_no_test_over_clusters_and_a_sentence(small_study: pd.DataFrame) -> None:
    report = build(small_study.assign(patient="p"), draws=20)
    assert report.tables["effect"]["cluster_p"].isna().all()
    assert report.tables["auc_differences"]["cluster_p"].isna().all()
    assert any("TP, all targets: no test, because all cases are one cluster" in one for one in report.messages)


def test_independent_cases_have_their_number_of_clusters_and_nothing_else(small_study: pd.DataFrame) -> None:
    report = build(small_study.assign(image=small_study["case"] + ".png", patient=""), draws=20)
    effect = report.tables["effect"]
    assert (effect["n_clusters"] == effect["n_cases"]).all()
    assert effect[["cluster_low", "cluster_p", "cluster_p_holm"]].isna().all(axis=None)
    assert report.tables["auc_differences"]["cluster_p"].isna().all()
    assert not any("cluster" in message or "share" in message for message in report.messages)


def test_unknown_patients_and_images_are_said_to_be_unknown(small_study: pd.DataFrame) -> None:
    report = build(small_study, draws=20)
    assert any("not known whether cases share them" in message for message in report.messages)
    assert report.tables["effect"]["n_clusters"].isna().all()
    assert report.provenance["data"]["clusters"] is None


def test_the_report_says_that_cases_are_clusters(small_study: pd.DataFrame) -> None:
    shared = small_study.assign(patient=small_study["case"].replace({"c2": "c1", "c6": "c1"}))
    report = build(shared, draws=20)
    [sentence] = [message for message in report.messages if "clusters" in message]
    assert "0 images and 1 patient have more than one case, so that 16 cases are 14 clusters" in sentence
    assert sentence in report.methods
    assert report.provenance["data"]["clusters"] == 14


def ratings(copies: int) -> Ratings:
    rng = np.random.default_rng(3)
    truth = np.arange(24) % 2 == 1
    scores = rng.integers(1, 6, (2, 3, 24)).astype(float) + truth
    return Ratings(
        np.tile(scores, copies),
        np.tile(truth, copies),
        ("A", "B"),
        ("r1", "r2", "r3"),
        tuple(f"c{copy}-{case}" for copy in range(copies) for case in range(24)),
        (),
    )


def test_the_covariance_of_auc_over_single_cases_is_about_delongs() -> None:
    alone = ratings(1)
    found = clustered_merit(alone, alone.cases)
    expected = auc_merit(alone, covariance="delong")
    # With 12 cases of either truth the two divide by 12 * 11 and by 24 * 23 / 4.
    assert found.covariance == pytest.approx(expected.covariance * (24 / 23) / (12 / 11), rel=1e-9)


def test_cases_rated_twice_change_no_covariance_of_auc_when_they_are_clusters() -> None:
    once, twice = ratings(1), ratings(2)
    expected = clustered_merit(once, once.cases).covariance
    clusters = [case.split("-")[1] for case in twice.cases]
    assert clustered_merit(twice, clusters).covariance == pytest.approx(expected)
    assert np.diag(auc_merit(twice).covariance).sum() < 0.6 * np.trace(expected)


@pytest.fixture(scope="session")
def study_with_images(published_study: pd.DataFrame, shared_data_dir: Path) -> pd.DataFrame:
    """The published study with image and patient of each case, as published."""
    with gzip.open(shared_data_dir / "gifsplanation" / "trial_record.json.gz", "rt", encoding="utf-8") as stream:
        trials = {str(trial["trialid"]): trial["source"] for trial in json.load(stream)}
    images = {
        case: next(source[key] for key in ("Image Index", "Filename", "ImageId") if source.get(key))
        for case, source in trials.items()
    }
    patients = {case: str(source.get("patientid", "")) for case, source in trials.items()}
    return published_study.assign(
        image=published_study["case"].map(images), patient=published_study["case"].map(patients)
    )


@pytest.mark.shared_data
def test_five_images_and_seven_patients_of_the_published_study_are_double(study_with_images: pd.DataFrame) -> None:
    clusters = clusters_of(validate(study_with_images))
    assert (clusters.images, clusters.patients) == (5, 7)
    assert (clusters.n_cases, clusters.n_clusters) == (240, 231)


@pytest.mark.shared_data
def test_the_published_effect_stands_beside_itself_over_clusters(study_with_images: pd.DataFrame) -> None:
    frame = validate(study_with_images)
    clusters = clusters_of(frame)
    table, _ = effect_table(frame, make_pairs(frame, ("A", "B")), seed=1, draws=200, clusters=clusters)
    own = table[table["question"] == "confidence"].set_index(["label", "target"])
    assert cell_of(own, ("TP", "all"), "n_clusters") == 114
    # R: s are the sums of the 114 clusters' differences; dens <- 1; for (k in abs(s[s != 0]))
    # dens <- (c(dens, rep(0, 2 * k)) + c(rep(0, 2 * k), dens)) / 2; the two tails from abs(sum(s))
    assert cell_of(own, ("TP", "all"), "cluster_p") == pytest.approx(0.020174405258094, rel=1e-9)
    # Cardiomegaly has no case of a patient or image that another of its cases has.
    assert cell_of(own, ("FP", "Cardiomegaly"), "cluster_p") == cell_of(own, ("FP", "Cardiomegaly"), "p_value")
    np.testing.assert_allclose(
        own["cluster_p_holm"], holm(own["cluster_p"].where(own.index.get_level_values("target") != "all"))
    )
    differences = accuracy_tables(frame, ["A", "B"], clusters=clusters)[0]["auc_differences"]
    fixed = differences[differences["analysis"] == "FRRC"]
    assert fixed["cluster_p"].to_numpy() == pytest.approx(fixed["p_value"].to_numpy(), abs=0.02)
    assert differences.loc[differences["analysis"] != "FRRC", "cluster_p"].isna().all()
