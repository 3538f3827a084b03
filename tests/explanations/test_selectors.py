"""Progress, and what an asset's name stands for."""

import pytest

from readerstudy.explanations.selectors import asset_for, assets_present, explanation_progress
from readerstudy.explanations.services import EXPLAINING, explanations_request
from tests.factories.studies import NOW, make_cases, make_explained, make_study

pytestmark = pytest.mark.django_db
TRADITIONAL = ["input_gradient", "guided_backprop", "integrated_gradients"]


def test_progress_counts_every_state_and_cases_not_asked_for():
    study = make_study()
    make_cases(study)
    assert explanation_progress(study).cases == 8
    assert not explanation_progress(study).complete

    explanations_request(study=study, now=NOW)
    first = study.cases.order_by("number")[0]
    EXPLAINING.claim(first.explanation.pk, worker="one", now=NOW)

    progress = explanation_progress(study)
    assert (progress.pending, progress.running, progress.done, progress.failed) == (7, 1, 0, 0)


def test_a_study_is_complete_when_all_are_explained():
    study = make_study()
    make_cases(study)
    make_explained(study)

    assert explanation_progress(study).complete


def test_assets_are_those_of_the_given_methods_alone():
    study = make_study()
    make_cases(study)
    explanation = make_explained(study)[0]

    assert list(assets_present(explanation)) == [
        "xray.png",
        "input_gradient.png",
        "guided_backprop.png",
        "integrated_gradients.png",
        "latent_shift.png",
        "filmstrip.png",
        "curve.json",
        "video.mp4",
    ]
    case = explanation.case
    assert asset_for(case, "xray.png", methods=TRADITIONAL) is not None
    assert asset_for(case, "curve.json", methods=["latent_shift"]) is not None
    for name in ("latent_shift.png", "filmstrip.png", "curve.json", "video.mp4", "input_gradient.npy", "../xray.png"):
        assert asset_for(case, name, methods=TRADITIONAL) is None
