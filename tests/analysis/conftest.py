"""Frames that the tests of the analysis share: the published study as a tidy frame, and small hand-made studies."""

import gzip
import itertools
import json
from pathlib import Path

import pandas as pd
import pytest

from analysis.report.build import build

CONFIDENCE = "How confident are you in the models prediction? (1-5)"
FEATURE = "Is the model looking at the correct feature? (1-5)"


@pytest.fixture(scope="session")
def published_study(shared_data_dir: Path) -> pd.DataFrame:
    """The published study: arm A = traditional, B = Latent Shift; `trial` is the arm of read 0, the other of read 1."""
    folder = shared_data_dir / "gifsplanation"
    with gzip.open(folder / "trial_record.json.gz", "rt", encoding="utf-8") as stream:
        trials = {trial["trialid"]: trial for trial in json.load(stream)}
    rows = []
    for read, reader in itertools.product((0, 1), (1, 2)):
        answers = pd.read_csv(folder / f"read{read}-reader{reader}.csv")
        for _, answer in answers.iterrows():
            trial = trials[int(answer["Example"])]
            arm = trial["trial"] if read == 0 else 1 - trial["trial"]
            for question, heading in (("confidence", CONFIDENCE), ("correct_feature", FEATURE)):
                rows.append(
                    {
                        "study": "gifsplanation",
                        "reader": f"reader{reader}",
                        "case": str(trial["trialid"]),
                        "target": trial["target"],
                        "label": "TP" if trial["label"] == 1 else "FP",
                        "arm": "AB"[arm],
                        "period": read + 1,
                        "question": question,
                        "value": int(answer[heading]),
                    }
                )
    return pd.DataFrame(rows)


@pytest.fixture
def small_study() -> pd.DataFrame:
    """Small responses, a new frame for every test that changes them."""
    return make_small_study()


@pytest.fixture(scope="session")
def small_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a report of the small study writes; drawing figures takes most of its time."""
    folder = tmp_path_factory.mktemp("small_results")
    build(make_small_study(), draws=50).write(folder)
    return folder


def make_small_study() -> pd.DataFrame:
    """Two readers, two targets, four true and four false positives of each, both arms, with IoU of true positives."""
    rows = []
    for number, (target, label) in enumerate(itertools.product(("Effusion", "Mass"), ("TP", "FP"))):
        for item in range(4):
            case = 4 * number + item + 1
            for reader, arm in itertools.product(("r1", "r2"), ("A", "B")):
                rows.append(
                    {
                        "study": "small",
                        "reader": reader,
                        "case": f"c{case}",
                        "target": target,
                        "label": label,
                        "arm": arm,
                        "period": 1 if (arm == "A") == (case % 2 == 0) else 2,
                        "question": "feature",
                        "value": 1 + (case * 3 + (arm == "B") + (reader == "r2")) % 5,
                        "iou": (0.05 * (case * 3 % 5) + (0.1 if arm == "B" else 0.02)) if label == "TP" else None,
                    }
                )
    return pd.DataFrame(rows)
