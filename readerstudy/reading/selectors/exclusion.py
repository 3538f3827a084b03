"""Why a reading is in no analysis, in the words of the export."""

from __future__ import annotations

from django.db import models
from django.db.models import Value, When

from readerstudy.explanations.models import Explanation
from readerstudy.studies.models import Case

EXCLUDED = (
    "Why the reading is in no analysis: training, reader withdrawn, case excluded (by a correction), or explanation "
    "failed, past which readers are led; else empty."
)


def exclusion(reading: str = "") -> models.Case:
    """The reason; empty for a reading that is analysed. `reading` leads to it from the row at hand, with its `__`."""
    conditions: dict[str, dict[str, object]] = {
        "training": {"case__purpose": Case.Purpose.TRAINING},
        "reader withdrawn": {"allocation__membership__withdrawn_at__isnull": False},
        "case excluded": {"case__excluded_because__gt": ""},
        "explanation failed": {"case__explanation__status": Explanation.Status.FAILED, "completed_at": None},
    }
    return models.Case(
        *(
            When(**{f"{reading}{name}": value for name, value in condition.items()}, then=Value(reason))
            for reason, condition in conditions.items()
        ),
        default=Value(""),
        output_field=models.CharField(),
    )
