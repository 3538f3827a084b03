"""How well readers' scores separate true from false positives in each arm: AUC by Obuchowski and Rockette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from analysis.mrmc import obuchowski_rockette
from analysis.mrmc_report import TABLE_COLUMNS, mrmc_messages, mrmc_tables
from analysis.order import natural_order
from analysis.ratings import RatingsError, check_ratings, crossed

if TYPE_CHECKING:
    from collections.abc import Sequence


def accuracy_tables(frame: pd.DataFrame, arms: Sequence[str]) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables of `mrmc_report` for every question of validated responses, with `arm` in place of `treatment`.

    `arms` is (first, second), and differences are second - first; with one arm there are AUCs and no differences.
    A question whose cases are not complete enough gives no rows but a message.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLE_COLUMNS}
    messages: list[str] = []
    for question in natural_order(frame["question"].unique()):
        answers = frame[(frame["question"] == question) & frame["arm"].isin(list(arms))]
        # Of repeated readings the earliest counts, as in the pairs; validated rows are in that order.
        answers = answers.drop_duplicates(["reader", "case", "arm"], keep="first").rename(
            columns={"arm": "treatment", "value": "rating"}
        )
        present = [arm for arm in reversed(arms) if (answers["treatment"] == arm).any()]
        try:
            ratings = crossed(check_ratings(answers.assign(truth=(answers["label"] == "TP"))), treatments=present)
        except RatingsError as error:
            messages.append(f"AUC, {question}: none, because of too few complete cases. {error}")
            continue
        result = obuchowski_rockette(ratings)
        messages.extend(f"AUC, {question}: {message}" for message in mrmc_messages(ratings, result))
        for name, table in mrmc_tables(ratings, result).items():
            parts[name].append(table.assign(question=question))
    return {name: _joined(name, tables) for name, tables in parts.items()}, messages


def _joined(name: str, tables: list[pd.DataFrame]) -> pd.DataFrame:
    columns = ["question", *TABLE_COLUMNS[name]]
    joined = pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)
    # With two arms the contrast of the report says what first and second would.
    joined = joined.drop(columns=["first", "second"], errors="ignore")
    return joined.rename(columns={"treatment": "arm"}).reset_index(drop=True)
