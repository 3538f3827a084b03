"""Ratings for MRMC analysis: both file formats, incomplete designs, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis.data.ratings import RatingsError, check_ratings, crossed, load_ratings
from analysis.mrmc.obuchowski_rockette import obuchowski_rockette

IMRMC = """A small study

NR: 2
N0: 2
N1: 2
NM: 2

BEGIN DATA:
{truth}, 1, {modality}, 0
{truth}, 2, {modality}, 0
{truth}, 3, {modality}, 1
{truth}, 4, {modality}, 1
"""


def small_ratings() -> pd.DataFrame:
    """Two readers, two treatments, cases 2 and 10 without, 3 and 4 with the condition."""
    rows = [
        (reader, treatment, case, int(case in "34"), int(case) + len(reader + treatment))
        for reader in ("r1", "r2")
        for treatment in ("A", "B")
        for case in ("2", "10", "3", "4")
    ]
    return pd.DataFrame(rows, columns=["reader", "treatment", "case", "truth", "rating"])


def test_the_array_does_not_depend_on_the_order_of_rows() -> None:
    expected = crossed(check_ratings(small_ratings()))
    shuffled = crossed(check_ratings(small_ratings().sample(frac=1, random_state=1)))
    assert expected.cases == ("2", "3", "4", "10")
    assert expected.truth.tolist() == [False, True, True, False]
    np.testing.assert_array_equal(shuffled.scores, expected.scores)


def test_a_case_that_lacks_a_rating_is_left_out_and_named() -> None:
    frame = small_ratings()
    more = frame[frame["case"] == "3"].assign(case="7").iloc[1:]
    ratings = crossed(check_ratings(pd.concat([frame, more])))
    assert ratings.incomplete == ("7",)
    assert ratings.cases == ("2", "3", "4", "10")


@pytest.mark.parametrize(("truth", "modality"), [("-1", "0"), ("truth", "truth")])
def test_both_spellings_of_imrmc_give_the_same_as_csv(tmp_path: Path, truth: str, modality: str) -> None:
    rows = [(r, t, c, (c * r + t) % 5) for r in (1, 2) for t in (1, 2) for c in (1, 2, 3, 4)]
    text = IMRMC.format(truth=truth, modality=modality) + "".join(f"{r}, {c}, {t}, {v}\n" for r, t, c, v in rows)
    (tmp_path / "a.imrmc").write_text(text)
    lines = [f"{r},{t},{c},{int(c > 2)},{v}\n" for r, t, c, v in rows]
    (tmp_path / "a.csv").write_text("reader,treatment,case,truth,rating\n" + "".join(lines))
    pd.testing.assert_frame_equal(load_ratings(tmp_path / "a.imrmc"), load_ratings(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NR: 1\n", "BEGIN DATA"),
        ("BEGIN DATA:\n1,1,1\n", "line 2"),
        ("BEGIN DATA:\n1,1,1,5\n", "case 1 has no truth"),
        ("BEGIN DATA:\n-1,1,0,0\n-1,1,0,1\n", "two truths"),
    ],
)
def test_a_bad_imrmc_file_says_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.imrmc").write_text(text)
    with pytest.raises(RatingsError, match=message):
        load_ratings(tmp_path / "a.imrmc")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("truth", 2, "neither 0 nor 1"),
        ("truth", 1, "both 0 and 1"),
        ("rating", "high", "not a number"),
        ("reader", "", "empty"),
        ("case", "10", "twice"),
    ],
)
def test_a_bad_rating_is_refused(column: str, value: Any, message: str) -> None:
    frame = small_ratings().astype(object)
    frame.loc[0, column] = value
    with pytest.raises(RatingsError, match=message):
        check_ratings(frame)


def test_missing_columns_are_named() -> None:
    with pytest.raises(RatingsError, match="truth"):
        check_ratings(small_ratings().drop(columns="truth"))


def test_too_few_cases_of_a_truth_are_refused() -> None:
    with pytest.raises(RatingsError, match="1 cases with the condition"):
        crossed(check_ratings(small_ratings().query("case != '4'")))


def test_missing_ratings_can_be_refused() -> None:
    frame = check_ratings(small_ratings())
    crossed(frame, missing="refuse")
    more = frame[frame["case"] == "3"].assign(case="7").iloc[1:]
    with pytest.raises(RatingsError, match="1 cases lack a rating, the first of them 7"):
        crossed(pd.concat([frame, more]), missing="refuse")


def test_a_reader_who_stopped_early_is_left_out_and_costs_the_others_nothing() -> None:
    frame = check_ratings(small_ratings())
    early = frame[(frame["reader"] == "r1") & (frame["treatment"] == "A")].assign(reader="r3")
    ratings = crossed(pd.concat([early, frame]))
    assert ratings.excluded == ("r3",)
    assert (ratings.readers, ratings.cases) == (("r1", "r2"), ("2", "3", "4", "10"))
    with pytest.raises(RatingsError, match="Reader r3"):
        crossed(pd.concat([early, frame]), missing="refuse")


LRC = """Two readers
r1
"A" "B b"
Large Small
1 -2
2 -3
*
4 -5
5 -6
*
r2
2 -2
2 -2
*
3 -3
4 -4
*
#
"""


def test_an_lrc_file_is_read_with_large_and_small_ratings(tmp_path: Path) -> None:
    (tmp_path / "a.lrc").write_text(LRC)
    ratings = crossed(load_ratings(tmp_path / "a.lrc"))
    assert (ratings.treatments, ratings.readers) == (("A", "B b"), ("r1", "r2"))
    assert ratings.truth.tolist() == [False, False, True, True]
    assert ratings.scores.tolist() == [[[1, 2, 4, 5], [2, 2, 3, 4]], [[2, 3, 5, 6], [2, 2, 3, 4]]]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("#", "", "no line '#'"), ("Large Small", "Large", "line 4"), ("4 -5", "4", "line 8"), ("4 -5", "4 x", "line 8")],
)
def test_a_bad_lrc_file_says_where(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "a.lrc").write_text(LRC.replace(old, new))
    with pytest.raises(RatingsError, match=message):
        load_ratings(tmp_path / "a.lrc")


def test_a_case_of_two_targets_is_refused() -> None:
    frame = small_ratings().assign(target="Mass")
    frame.loc[0, "target"] = "Edema"
    with pytest.raises(RatingsError, match="Case 2 has more than one target"):
        check_ratings(frame)


@pytest.mark.shared_data
def test_blanks_are_no_part_of_names_in_imrmc(shared_data_dir: Path) -> None:
    path = shared_data_dir / "faults" / "imrmc_blanks_in_names" / "x.imrmc"
    result = obuchowski_rockette(crossed(load_ratings(path)))
    np.testing.assert_allclose(result.estimates, [[1.0, 0.9306], [0.7083, 0.8056]], atol=5e-5)


def test_spellings_with_other_blanks_are_one_reader_and_one_treatment(tmp_path: Path) -> None:
    rows = "".join(f"r {1}{' ' * (case % 2)},c {case}, mod{' ' * (case % 3)}1,{case}\n" for case in range(1, 5))
    truth = "".join(f" - 1,c{case}, any thing ,{int(case > 2)},\n" for case in range(1, 5))
    (tmp_path / "a.imrmc").write_bytes(f"begin data:\n{truth}{rows}".encode("utf-16"))
    ratings = crossed(load_ratings(tmp_path / "a.imrmc"))
    assert (ratings.readers, ratings.treatments, ratings.cases) == (("r1",), ("mod1",), ("c1", "c2", "c3", "c4"))


@pytest.mark.shared_data
def test_the_line_of_a_repeated_rating_is_that_of_the_file(shared_data_dir: Path) -> None:
    with pytest.raises(
        RatingsError, match=r"Line 14: reader r rates case c3 twice with treatment m \(first on line 13\)"
    ):
        load_ratings(shared_data_dir / "faults" / "imrmc_line_of_repeat" / "x.imrmc")


def test_lines_of_a_table_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text('sep=;\nReader;Treatment;Case;Truth;Rating\n\n"a\nb";A;1;0;1,5\na;A;1;0;x\n')
    with pytest.raises(RatingsError, match="Line 6: column 'rating' is 'x'"):
        load_ratings(path)
