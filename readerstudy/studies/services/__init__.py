"""All that changes a study: setting up, members, import, scores, selection. Every deed leaves an audit entry."""

from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.cases import SelectionError, cases_select
from readerstudy.studies.services.corrections import CorrectionOrder, Facts, image_correct
from readerstudy.studies.services.development import development_mark
from readerstudy.studies.services.doubts import DecisionError, doubts_examine, images_exclude, images_keep
from readerstudy.studies.services.images import ImagesImportError, images_import
from readerstudy.studies.services.keys import key_draw, key_ensure
from readerstudy.studies.services.labels import labels_store
from readerstudy.studies.services.members import consent_accept, reader_withdraw
from readerstudy.studies.services.scores import (
    SCORING,
    scores_request,
    scores_store,
)
from readerstudy.studies.services.study import StudyError, member_add, study_create
from readerstudy.studies.services.unblinding import study_unblind

__all__ = [
    "SCORING",
    "CorrectionOrder",
    "DecisionError",
    "Facts",
    "ImagesImportError",
    "SelectionError",
    "StudyError",
    "audit",
    "cases_select",
    "consent_accept",
    "development_mark",
    "doubts_examine",
    "image_correct",
    "images_exclude",
    "images_import",
    "images_keep",
    "key_draw",
    "key_ensure",
    "labels_store",
    "member_add",
    "reader_withdraw",
    "scores_request",
    "scores_store",
    "study_create",
    "study_unblind",
]
