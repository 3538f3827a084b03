"""Tidy responses out of the database."""

import csv
import io
import random

import pandas as pd
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis.data.csv_cells import safe_cell
from analysis.data.schema import COLUMN_NAMES, write_responses
from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import Reading
from readerstudy.results.blinding import coding_of
from readerstudy.results.frames import data_version, response_rows, responses
from readerstudy.studies.models import Question, Study
from tests.factories.people import NOW
from tests.factories.results import answer, answer_all, rater_make, trial_make, visit

pytestmark = pytest.mark.django_db


def tidy(study: Study) -> pd.DataFrame:
    """The study's responses with the arms by their own names."""
    return responses(study, coding_of(study, "protocol"))


def test_a_changed_answer_counts_with_its_last_value_and_the_number_of_changes() -> None:
    study = trial_make()
    reader = rater_make(study)
    answer(reader, 1, "A", [2, 5, 4])

    frame = tidy(study)

    assert tuple(frame.columns) == COLUMN_NAMES
    assert len(frame) == 1
    row = frame.iloc[0]
    assert (row["study"], row["reader"], row["case"], row["image"], row["patient"]) == (
        "trial",
        "R1",
        "1",
        "chest-1.png",
        "P1",
    )
    assert (row["target"], row["label"], row["arm"], row["period"], row["position"]) == ("Effusion", "TP", "A", 1, 1)
    assert (row["question"], row["value"], row["revisions"]) == ("confidence", 4, 2)
    assert row["answered_at"].isoformat() == "2026-03-02T10:03:00+00:00"


def test_a_half_answered_reading_gives_the_answers_it_has() -> None:
    study = trial_make()
    reader = rater_make(study)
    answer(reader, 1, "A", [2])
    answer(reader, 2, "B", [3], question="correct_feature")

    frame = tidy(study)

    assert sorted(zip(frame["case"], frame["question"], strict=True)) == [("1", "confidence"), ("2", "correct_feature")]


def test_a_study_without_answers_gives_an_empty_table_with_all_columns() -> None:
    frame = tidy(trial_make())
    assert frame.empty
    assert tuple(frame.columns) == COLUMN_NAMES


def test_the_order_of_the_answers_does_not_show() -> None:
    frames = []
    for slug, seed in (("one", 1), ("two", 2)):
        study = trial_make(slug, cases=4)
        readers = [rater_make(study), rater_make(study)]
        given = [(reader, case, arm) for reader in readers for case in range(1, 5) for arm in "AB"]
        random.Random(seed).shuffle(given)
        for reader, case, arm in given:
            code = int(reader.membership.code[1:])
            answer(reader, case, arm, [1 + (case * code) % 5])
        frames.append(tidy(study).drop(columns=["study", "opened_at", "answered_at"]))
    assert frames[0].equals(frames[1])
    assert list(frames[0]["case"][:3]) == ["1", "1", "2"]


def test_seconds_add_up_over_visits_and_are_not_counted_once_per_question() -> None:
    study = trial_make()
    reader = rater_make(study)
    visit(reader, 1, "A", 10.5)
    visit(reader, 1, "A", 4.0)
    answer(reader, 1, "A", [2])
    answer(reader, 1, "A", [3, 4], question="correct_feature")
    answer(reader, 2, "A", [3])

    frame = tidy(study).set_index(["case", "question"])

    assert frame.loc[("1", "confidence"), "seconds"] == 14.5
    assert frame.loc[("1", "correct_feature"), "seconds"] == 14.5
    assert frame["seconds"].isna().sum() == 1


def test_the_iou_of_an_arm_is_the_mean_of_its_methods_and_only_for_true_positives() -> None:
    study = trial_make(cases=4)
    ious = {"input_gradient": 0.1, "guided_backprop": 0.3, "latent_shift": 0.25}
    for number, values in ((1, ious), (2, ious), (3, {"latent_shift": 0.5})):
        Explanation.objects.create(
            case=study.cases.get(number=number),
            status="done",
            methods=list(ious),
            ious=values,
            measures={"mask_area": number / 10},
            created_at=NOW,
        )
    reader = rater_make(study)
    answer_all(reader, {"A": 3, "B": 4})

    table = tidy(study).drop_duplicates(["case", "arm"]).set_index(["case", "arm"])
    frame = table["iou"]

    assert frame["1", "A"] == pytest.approx(0.2)
    assert frame["1", "B"] == pytest.approx(0.25)
    assert frame[["2"]].isna().all()  # false positive: nothing to overlap with
    assert frame.isna()["3", "A"]  # a mean over fewer methods than the arm shows is another quantity
    assert frame["3", "B"] == pytest.approx(0.5)
    assert table.loc["1", ["mask_area", "map_area"]].to_numpy().tolist() == [[0.1, 0.1]] * 2
    assert table.loc[["2", "4"], ["mask_area", "map_area"]].isna().all(axis=None)
    # The mask is the case's; a map of which there is no IoU has no area.
    assert table.loc[("3", "A"), "mask_area"] == pytest.approx(0.3)
    assert table.isna().loc[("3", "A"), "map_area"]


def test_the_rows_of_the_file_are_those_of_the_frame_in_its_order() -> None:
    study = trial_make(cases=12)
    for _ in range(11):
        reader = rater_make(study)
        for case in (12, 2, 3):
            answer(reader, case, "B", [2, 4])
            answer(reader, case, "A", [3], question="correct_feature")
            answer(reader, case, "A", [5])
        visit(reader, 2, "A", 12.0)
        visit(reader, 3, "A", 0.25)
    stream = io.StringIO()
    write_responses(tidy(study), stream)
    stream.seek(0)
    header, *expected = csv.reader(stream)
    assert tuple(header) == COLUMN_NAMES
    assert [[safe_cell(cell) for cell in row] for row in response_rows(study, coding_of(study, "protocol"))] == expected
    assert len(expected) == 11 * 3 * 3


def test_two_questions_with_equal_text_stay_separate() -> None:
    study = trial_make()
    Question.objects.filter(study=study).update(text="The same?")
    reader = rater_make(study)
    answer(reader, 1, "A", [2])
    answer(reader, 1, "A", [5], question="correct_feature")

    frame = tidy(study)

    assert dict(zip(frame["question"], frame["value"], strict=True)) == {"confidence": 2, "correct_feature": 5}


def test_answers_of_another_study_are_not_in_it() -> None:
    study, other = trial_make(), trial_make("other")
    answer_all(rater_make(other), {"A": 3, "B": 4})
    assert tidy(study).empty
    assert set(tidy(other)["study"]) == {"other"}


def test_answers_that_were_not_given_here_have_no_time() -> None:
    study = trial_make()
    reader = rater_make(study)
    Reading.objects.update(opened_at=None)
    answer(reader, 1, "A", [2])
    assert tidy(study)[["opened_at", "answered_at", "seconds"]].isna().all(axis=None)


def test_one_query_fetches_all_responses() -> None:
    study = trial_make(cases=4)
    answer_all(rater_make(study), {"A": 3, "B": 4})
    coding = coding_of(study, "protocol")
    with CaptureQueriesContext(connection) as queries:
        assert len(responses(study, coding)) == 16
    assert len(queries) == 1


def test_whatever_changes_the_responses_changes_the_version() -> None:
    study = trial_make()
    reader = rater_make(study)
    versions = [str(data_version(study))]
    answer(reader, 1, "A", [2])
    versions.append(str(data_version(study)))
    answer(reader, 2, "A", [2])
    versions.append(str(data_version(study)))
    visit(reader, 1, "A", 3.0)
    versions.append(str(data_version(study)))
    Explanation.objects.create(
        case=study.cases.get(number=1), methods=[], ious={"latent_shift": 0.5}, created_at=NOW, finished_at=NOW
    )
    versions.append(str(data_version(study)))
    assert len(set(versions)) == len(versions)
