"""What a study consists of: protocol, members, the pool of images with labels and scores, and the selected cases."""

from readerstudy.studies.models.audit import AuditEntry
from readerstudy.studies.models.cases import Case, CaseQuerySet
from readerstudy.studies.models.corrections import Correction, correction_text
from readerstudy.studies.models.images import Annotation, Image, Import, Label
from readerstudy.studies.models.members import Membership
from readerstudy.studies.models.scores import Prediction, Scoring
from readerstudy.studies.models.study import AllocationKey, Arm, Question, Study

__all__ = [
    "AllocationKey",
    "Annotation",
    "Arm",
    "AuditEntry",
    "Case",
    "CaseQuerySet",
    "Correction",
    "Image",
    "Import",
    "Label",
    "Membership",
    "Prediction",
    "Question",
    "Scoring",
    "Study",
    "correction_text",
]
