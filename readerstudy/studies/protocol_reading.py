"""The optional [reading] table of a protocol: what surrounds the rating of a case, from consent to certificate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from explainer.problems import Flag, Input, RefusedError, Whole
from readerstudy.studies.protocol_values import Among, Free, Names

PATIENT_FACTS = ("age", "sex")


def _even(count: int) -> int:
    if count % 2:
        raise RefusedError("must be even: half of the training cases are true, half false positives")
    return count


class ReadingPlan(Input):
    """How readers are received and led through a study; a protocol without the table has these values."""

    consent: Free = ""
    training_cases: Annotated[Whole, Field(ge=0, le=100), AfterValidator(_even)] = 0
    break_after_minutes: Annotated[Whole, Field(ge=0, le=600)] = 0
    certificate: Flag = False
    show_patient: Annotated[Names, Among(PATIENT_FACTS, "; of a patient can be shown")] = ()
    show_prediction: Flag = True
    expected_seconds_per_case: Annotated[Whole, Field(ge=1, le=3600)] = 40

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The plan as a study's row keeps it, which was checked when it was read."""
        return cls.model_construct(**{**stored, "show_patient": tuple(stored.get("show_patient", ()))})

    def stored(self) -> dict[str, Any]:
        """The plan as JSON."""
        return self.model_dump(mode="json")

    @property
    def consent_sha256(self) -> str:
        """What a reader's acceptance is tied to: another text has to be accepted anew. Empty where none is asked."""
        return hashlib.sha256(self.consent.encode()).hexdigest() if self.consent else ""
