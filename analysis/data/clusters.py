"""Cases that are not independent: of one patient, or of one image. Who belongs together, and how many that are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis.data.order import natural_order

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: dict[str, str] = {
    "cluster": (
        "cases that share an image or a patient, directly or through other cases; a case whose image and patient are "
        "not known stands alone"
    ),
    "effect": (
        "the columns cluster_low, cluster_high, cluster_p, cluster_p_holm of `effect` are interval and test of the "
        "mean difference with clusters resampled and flipped in place of cases"
    ),
    "auc": (
        "the same columns of `auc_differences` are those of FRRC with the covariances of AUC over clusters "
        "(Obuchowski 1997, Biometrics 53:567)"
    ),
}


@dataclass(frozen=True)
class Clusters:
    """Which cases belong together."""

    of_case: Mapping[str, str]  # case -> the first case of its cluster, in natural order
    images: int  # that more than one case shows
    patients: int  # of whom there is more than one case
    known: bool  # whether the image or the patient of any case is given

    @property
    def n_cases(self) -> int:
        return len(self.of_case)

    @property
    def n_clusters(self) -> int:
        return len(set(self.of_case.values()))

    @property
    def are_cases(self) -> bool:
        """Whether every case stands alone, as far as is known."""
        return self.n_clusters == self.n_cases

    def of(self, cases: pd.Series[Any]) -> pd.Series[Any]:
        """The clusters of these cases."""
        return cases.map(dict(self.of_case))

    def sentence(self) -> str | None:
        """What a reader of the report must know about them, if anything."""
        if not self.n_cases:
            return None
        if not self.known:
            return (
                "Neither image nor patient of any case is given, so that it is not known whether cases share them: "
                "cases are taken as independent."
            )
        if self.are_cases:
            return None
        return (
            f"Cases are not all independent: {_number(self.images, 'image')} and {_number(self.patients, 'patient')} "
            f"have more than one case, so that {self.n_cases} cases are {self.n_clusters} clusters. Beside the effect "
            "and the AUC stand interval and p with clusters as units (cluster_low, cluster_high, cluster_p); all other "
            "tables count such cases as independent."
        )


def clusters_of(frame: pd.DataFrame) -> Clusters:
    """The clusters of the cases of validated responses, by the columns image and patient."""
    cases = frame.drop_duplicates("case")[["case", "image", "patient"]]
    names = natural_order(cases["case"])
    place = {name: number for number, name in enumerate(names)}
    # Cases on one side, their images and patients on the other: what is connected belongs together.
    rows: list[int] = []
    columns: list[int] = []
    doubled = {}
    others = 0
    for column in ("image", "patient"):
        given = cases[cases[column] != ""]
        codes, different = pd.factorize(given[column])
        rows += [place[case] for case in given["case"]]
        columns += (len(names) + others + codes).tolist()
        others += len(different)
        doubled[column] = int(np.sum(np.bincount(codes, minlength=1) > 1))
    size = len(names) + others
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][: len(names)] if size else np.empty(0, dtype=int)
    first: dict[int, str] = {}
    for name, label in zip(names, labels.tolist(), strict=True):
        first.setdefault(label, name)
    of_case = {name: first[label] for name, label in zip(names, labels.tolist(), strict=True)}
    return Clusters(of_case, doubled["image"], doubled["patient"], bool(rows))


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
