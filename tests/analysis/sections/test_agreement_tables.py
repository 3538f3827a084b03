"""Agreement tables: who is compared with whom, on which readings, with which interval."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from analysis.commands.main import main
from analysis.data.errors import AnalysisError
from analysis.data.schema import validate
from analysis.data.wide import load_wide
from analysis.sections.agreement_tables import agreement_table
from analysis.statistics.agreement import Metric, Weights, icc, kappa, krippendorff_alpha
from analysis.statistics.resampling import percentile_interval
from tests.typed import cell_of, row_of


def ratings_frame(**readers: list[float | None]) -> pd.DataFrame:
    """Responses of arm A from each reader's scores of cases c0, c1, ...; None where the reader did not answer."""
    rows = [
        {"reader": reader, "case": f"c{number}", "value": value}
        for reader, values in readers.items()
        for number, value in enumerate(values)
        if value is not None
    ]
    return pd.DataFrame(rows).assign(question="q", target="Mass", label="TP", arm="A", period=1, position=1)


def table_of(frame: pd.DataFrame, draws: int = 200) -> pd.DataFrame:
    table, _ = agreement_table(validate(frame), ["A"], seed=1, draws=draws)
    return table.set_index(["readers", "statistic"])


FIRST: list[float | None] = [1, 2, 3, 4, 5, 5, 4, 2, 1, 3]
SECOND: list[float | None] = [1, 3, 3, 4, 4, 5, 5, 2, 2, 3]


def test_a_pair_is_judged_by_kappas_icc_and_alpha() -> None:
    table = table_of(ratings_frame(r1=FIRST, r2=SECOND))
    counts = np.zeros((5, 5))
    for a, b in zip(FIRST, SECOND, strict=True):
        counts[int(a or 0) - 1, int(b or 0) - 1] += 1
    both = np.array([FIRST, SECOND], dtype=float).T
    kappas = {name: kappa(counts, weights=name) for name in get_args(Weights)}
    expected = {
        **{("r1 & r2", f"kappa ({name})"): found.value for name, found in kappas.items()},
        **{("all", name): value for name, value in icc(both).items()},
        **{("all", f"alpha ({name})"): krippendorff_alpha(both, metric=name) for name in get_args(Metric)},
    }
    assert table["estimate"].to_dict() == pytest.approx(expected)
    errors = {("r1 & r2", f"kappa ({name})"): found.ase for name, found in kappas.items()}
    assert table["se"].dropna().to_dict() == pytest.approx(errors)
    assert (table["n_cases"] == 10).all()
    assert (table["ci_low"] < table["estimate"]).all()
    assert (table["estimate"] < table["ci_high"]).all()


def test_the_bootstrap_interval_of_kappa_is_near_the_asymptotic_one() -> None:
    rng = np.random.default_rng(3)
    first = rng.integers(1, 6, 400)
    second = np.clip(first + rng.integers(-1, 2, 400), 1, 5)
    table = table_of(ratings_frame(r1=first.tolist(), r2=second.tolist()), draws=2000)
    counts = np.histogram2d(first, second, bins=np.arange(0.5, 6))[0]
    exact = kappa(counts, weights="linear")
    found = row_of(table, ("r1 & r2", "kappa (linear)"))
    assert found["ci_low"] == pytest.approx(exact.value - 1.96 * exact.ase, abs=0.01)
    assert found["ci_high"] == pytest.approx(exact.value + 1.96 * exact.ase, abs=0.01)


def test_missing_ratings_leave_alpha_more_cases_than_icc() -> None:
    frame = ratings_frame(r1=FIRST, r2=[*SECOND[:8], None, None], r3=[*FIRST[:9], None])
    table = table_of(frame)
    assert cell_of(table, ("all", "alpha (ordinal)"), "n_cases") == 9
    assert cell_of(table, ("all", "ICC(2,1)"), "n_cases") == 8
    assert cell_of(table, ("r1 & r3", "kappa (linear)"), "n_cases") == 9


def test_hidden_repeats_give_agreement_of_a_reader_with_itself_and_no_other_numbers_change() -> None:
    frame = ratings_frame(r1=FIRST, r2=SECOND)
    repeats = frame[(frame["reader"] == "r1") & frame["case"].isin(["c0", "c1", "c2", "c3", "c4"])]
    table = table_of(pd.concat([repeats.assign(position=50, value=[1, 2, 3, 5, 5]), frame]))
    assert cell_of(table, ("r1", "kappa (linear)"), "n_cases") == 5
    assert cell_of(table, ("r1", "kappa (linear)"), "kind") == "within"
    pd.testing.assert_frame_equal(table[table["kind"] != "within"], table_of(frame))


def test_agreement_does_not_depend_on_the_order_of_rows() -> None:
    frame = ratings_frame(r1=FIRST, r2=SECOND, r3=FIRST)
    pd.testing.assert_frame_equal(table_of(frame.sample(frac=1, random_state=2)), table_of(frame))


@pytest.mark.parametrize(
    ("readers", "message"),
    [
        ({"r1": FIRST}, "there is one reader"),
        ({"r1": [3, 3, 3, None], "r2": [3, 3, 3, None]}, "do not vary enough"),
        ({"r1": [1, None], "r2": [None, 2]}, "no case has two ratings"),
        ({"r1": list(range(40)), "r2": list(range(40))}, "more than 30 different scores"),
    ],
)
def test_thin_ratings_say_why_there_is_no_agreement(readers: dict[str, list[float | None]], message: str) -> None:
    _, messages = agreement_table(validate(ratings_frame(**readers)), ["A"], seed=1, draws=50)
    assert any(message in text for text in messages), messages


def test_an_interval_is_refused_when_many_resamples_are_undefined() -> None:
    assert all(np.isnan(percentile_interval(np.array([0.5] * 80 + [np.nan] * 20))))
    assert percentile_interval(np.linspace(0, 1, 1001)) == pytest.approx((0.025, 0.975))


def test_a_table_of_ratings_gives_every_statistic_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = np.array([[1, 2, np.nan], [2, 2, 3], [4, 5, 5], [3, 3, 4], [5, np.nan, 5]])
    pd.DataFrame(cells, columns=["a", "b", "c"]).to_csv(tmp_path / "wide.csv", index=False, na_rep="NA")
    pd.DataFrame(cells.T).to_csv(tmp_path / "long.csv", index=False)
    found = []
    for arguments in (["wide.csv"], ["long.csv", "--readers-in-rows"]):
        out = tmp_path / "out.json"
        path, *more = arguments
        assert main(["agreement", str(tmp_path / path), *more, "--draws", "50", "--out", str(out)]) == 0
        rows = json.loads(out.read_text())["agreement"]
        found.append({row["statistic"]: row["estimate"] for row in rows if row["readers"] == "all"})
    assert found[0] == found[1]
    assert found[0]["alpha (interval)"] == pytest.approx(krippendorff_alpha(cells, metric="interval"))
    assert found[0]["ICC(3,k)"] == pytest.approx(icc(cells[1:4])["ICC(3,k)"])
    assert "ICC(3,k)" in capsys.readouterr().out


def test_a_table_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.csv").write_text("a,b\n1,two\n")
    assert main(["agreement", str(tmp_path / "words.csv")]) == 1
    assert "words.csv is no table of ratings" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "message"),
    [("1,\n,2", "no case has two ratings"), ("1,1", "do not vary enough"), ("-1,1\n2,2\n3,3", "have no interval")],
)
def test_what_a_thin_table_cannot_give_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: str, message: str
) -> None:
    (tmp_path / "thin.csv").write_text(f"a,b\n{rows}\n")
    assert main(["agreement", str(tmp_path / "thin.csv"), "--draws", "50"]) == 0
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["case", "Case ID", "image_id", "Nr.", "subject", ""])
def test_a_column_that_names_the_cases_is_no_reader(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "x.csv").write_text(f"{name},a,b\n101,3,3\n102,4,4\n103,1,2\n104,2,2\n105,5,5\n")
    out = tmp_path / "x.json"
    assert main(["agreement", str(tmp_path / "x.csv"), "--draws", "50", "--out", str(out)]) == 0
    rows = {(row["readers"], row["statistic"]): row["estimate"] for row in json.loads(out.read_text())["agreement"]}
    # By hand: 4 of 5 cases agree and 4 in 25 would by chance; the one that does not is one point off.
    assert rows["a & b", "kappa (unweighted)"] == pytest.approx(0.75)
    assert rows["a & b", "kappa (quadratic)"] == pytest.approx(0.9412, abs=5e-5)
    assert {readers for readers, _ in rows} == {"all", "a & b"}
    assert "names the cases" in capsys.readouterr().err or not name


def test_a_column_of_numbers_that_no_reader_gives_is_taken_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("Fall;a;b\n101;3;3\n102;4;4\n103;1;2\n")
    notes: list[str] = []
    assert load_wide(tmp_path / "x.csv", notes=notes)[0] == ["a", "b"]
    assert notes == ["Column Fall names the cases and is no reader; it is left out."]
    (tmp_path / "x.csv").write_text("a;b;c\n1;3;3\n2;4;4\n3;1;2\n")
    assert load_wide(tmp_path / "x.csv")[0] == ["a", "b", "c"]


def test_decimal_commas_are_read_in_a_file_with_semicolons(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("\ufeffa;b\r\n3,5;3\r\n4,0;NA\r\n".encode())
    readers, ratings = load_wide(tmp_path / "x.csv")
    assert readers == ["a", "b"]
    np.testing.assert_array_equal(ratings, [[3.5, 3], [4, np.nan]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('a,b\n1,2\n"3,5",4\n', "line 3: column 'a' is '3,5', which is no number: write a decimal point"),
        ("a;b\n1,5;2\n1.5;4\n", "Line 2: column 'a' has 1,5 there and 1.5 on line 3"),
        ("a,b\n1,two\n", "line 2: column 'b' is 'two', which is no number"),
        ("a,a\n1,2\n", "two columns are called a"),
    ],
)
def test_what_is_no_table_of_ratings_is_said_in_words_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(AnalysisError, match=r"x\.csv is no table of ratings") as caught:
        load_wide(tmp_path / "x.csv")
    assert message in str(caught.value)


@pytest.mark.shared_data
def test_the_table_with_a_column_of_cases_has_two_readers(shared_data_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.json"
    table = shared_data_dir / "faults" / "agreement_case_column" / "x.csv"
    assert main(["agreement", str(table), "--draws", "50", "--out", str(out)]) == 0
    rows = {(row["readers"], row["statistic"]): row["estimate"] for row in json.loads(out.read_text())["agreement"]}
    # As its README has it.
    assert rows["a & b", "kappa (unweighted)"] == pytest.approx(0.75)
    assert rows["a & b", "kappa (quadratic)"] == pytest.approx(0.9412, abs=5e-5)


@pytest.mark.shared_data
def test_the_table_with_decimal_commas_is_read(shared_data_dir: Path) -> None:
    readers, ratings = load_wide(shared_data_dir / "faults" / "agreement_decimal_comma" / "x.csv")
    assert readers == ["a", "b"]
    np.testing.assert_array_equal(ratings, [[3.5, 3], [4, 4], [1.5, 2], [2.5, 2]])
