"""The optional [reading] table of a protocol: what surrounds the rating of a case, from consent to certificate."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from readerstudy.studies.protocol_table import Table

PATIENT_FACTS = ("age", "sex")


@dataclass(frozen=True, kw_only=True)
class ReadingPlan:
    """How readers are received and led through a study; a protocol without the table has these values."""

    consent: str = ""
    training_cases: int = 0
    break_after_minutes: int = 0
    certificate: bool = False
    show_patient: tuple[str, ...] = ()
    show_prediction: bool = True
    expected_seconds_per_case: int = 40

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The plan as a study's row keeps it."""
        return cls(**{**stored, "show_patient": tuple(stored.get("show_patient", ()))})

    def stored(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {**asdict(self), "show_patient": list(self.show_patient)}

    @property
    def consent_sha256(self) -> str:
        """What a reader's acceptance is tied to: another text has to be accepted anew. Empty where none is asked."""
        return hashlib.sha256(self.consent.encode()).hexdigest() if self.consent else ""


def reading_plan(table: Table) -> ReadingPlan:
    """The plan in this table. Raises ProtocolError."""
    plan = ReadingPlan(
        consent=table.text("consent", default=""),
        training_cases=table.whole("training_cases", minimum=0, maximum=100, default=0),
        break_after_minutes=table.whole("break_after_minutes", minimum=0, maximum=600, default=0),
        certificate=table.flag("certificate", default=False),
        show_patient=table.words("show_patient", default=[]),
        show_prediction=table.flag("show_prediction", default=True),
        expected_seconds_per_case=table.whole("expected_seconds_per_case", minimum=1, maximum=3600, default=40),
    )
    table.done()
    if plan.training_cases % 2:
        table.refuse("training_cases", "must be even: half of the training cases are true, half false positives")
    for fact in plan.show_patient:
        if fact not in PATIENT_FACTS:
            table.refuse("show_patient", f"names {fact!r}; of a patient can be shown: {', '.join(PATIENT_FACTS)}")
    return plan
