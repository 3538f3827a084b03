"""What each reader scored in both arms, and how the reader's scores differ between them."""

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.pairs import Pairs
from analysis.data.records import or_nan
from analysis.data.schema import LABELS
from analysis.sections.effect import PER_READER
from analysis.statistics.intervals import student_interval
from analysis.statistics.signed_rank import signed_rank


def per_reader_table(frame: pd.DataFrame, pairs: Pairs) -> tuple[pd.DataFrame, list[str]]:
    """Means of both arms and of the differences per reader, with intervals: what pooling over few readers hides."""
    rows = []
    messages = []
    for question in natural_order(frame["question"].unique()):
        for label in LABELS:
            selected = pairs.of(question, label)
            for reader in natural_order(frame["reader"].unique()):
                own = selected[selected["reader"] == reader]
                test = signed_rank(own["difference"].to_numpy())
                row = {
                    "question": question,
                    "label": label,
                    "reader": reader,
                    "n_pairs": test.n_pairs,
                    "mean_first_arm": own["first"].mean(),
                    "mean_second_arm": own["second"].mean(),
                    "mean_difference": or_nan(test.mean),
                    "sd_difference": or_nan(test.sd),
                }
                for start, name in (("ci", "difference"), ("first_arm", "first"), ("second_arm", "second")):
                    low, high = student_interval(own[name].to_numpy(dtype=np.float64))
                    row |= {f"{start}_low": low, f"{start}_high": high}
                    if np.isnan(low) and len(own) > 1:
                        what = "differences" if name == "difference" else f"scores in the {name} arm"
                        messages.append(
                            f"Reader {reader}, {question}, {label}: no interval of the mean, because all {what} are "
                            "equal."
                        )
                rows.append(row)
    return pd.DataFrame(rows, columns=PER_READER.names), messages
