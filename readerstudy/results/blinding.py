"""Who sees which arm is which: until the coordinator unblinds the study, its analysts do not.

Everything that is shown or handed out takes a `Coding` and is made of frames that know the arms by its keys alone, so
that a name cannot slip through at a page or file that forgot to hide it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from readerstudy.accounts.models import User
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Membership, Study
from readerstudy.studies.selectors import masked_arms

Name = Literal["protocol", "masked"]
WITHHELD = "withheld"
#: What a blind analyst does not get, in words, for the page and the export's read-me.
WITHHELD_RULE = (
    "Withheld until the study is unblinded, because it would tell the arms apart: their names, methods and order, the "
    "protocol, seeds, the IoU and area of the maps, what readers did with animation and maps and "
    "how long the pictures took (events.csv, and columns of exposure.csv), and free texts of readers and coordinators."
)
# What is the same to handle in every arm. A column that is new is withheld until somebody puts it here.
_EXPOSURE_SHOWN = {
    "reader", "case", "arm", "period", "position", "visits", "seconds", "seconds_first", "idle_seconds",
    "hidden_seconds", "instructions_opened", "tab_hidden", "excluded", "seconds_doubt", "picture_css", "picture_device",
    "picture_pixels", "pixel_ratio", "viewport_width", "viewport_height", "window_width", "window_level",
}  # fmt: skip
_AUDIT_SHOWN = {
    "added", "annotations", "answers", "case", "cases", "cases_renumbered", "code", "consent_sha256", "key_sha256",
    "known", "link", "masked", "period", "position", "problems", "protocol_sha256", "reader", "readings", "role",
    "seen", "takes_over", "training_cases", "unfinished_readings", "user",
}  # fmt: skip


@dataclass(frozen=True)
class CodedArm:
    """An arm as it is shown: under a made-up key and name, and without methods, where the coding is masked."""

    key: str
    name: str
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Coding:
    """How the arms of a study are shown: `arms` is own key -> as shown, in the order of the contrast."""

    name: Name
    arms: Mapping[str, CodedArm]

    @property
    def is_masked(self) -> bool:
        return self.name == "masked"

    @property
    def shown(self) -> list[CodedArm]:
        """The arms in the order of the contrast."""
        return list(self.arms.values())

    @property
    def contrast(self) -> tuple[str, str] | None:
        """Shown keys of the first two arms; the contrast is second minus first. None for a study with one arm."""
        keys = [arm.key for arm in self.shown[:2]]
        return (keys[0], keys[1]) if len(keys) == 2 else None

    def key(self, own: str) -> str:
        """The shown key of the arm with this key."""
        return self.arms[own].key

    def exposure_columns(self, columns: Iterable[str]) -> list[str]:
        """Those of the columns of a reading's exposure that may be shown."""
        return [name for name in columns if not self.is_masked or name in _EXPOSURE_SHOWN]

    def audit_detail(self, detail: Mapping[str, Any]) -> dict[str, Any]:
        """The detail of an audit entry, with `WITHHELD` for what may not be shown."""
        shown = _AUDIT_SHOWN if self.is_masked else detail.keys()
        return {name: value if name in shown else WITHHELD for name, value in detail.items()}

    def free_text(self, text: str) -> str:
        """What somebody wrote, which may describe what they saw."""
        return WITHHELD if self.is_masked and text else text

    def content(self, content: dict[str, Any] | None) -> dict[str, Any] | None:
        """The content of an answer, of which the text is free."""
        if content is None or "text" not in content:
            return content
        return {**content, "text": self.free_text(content["text"])}


def coding_for(user: User, study: Study) -> Coding:
    """The coding for this person: masked for who is no coordinator of the study, until it is unblinded."""
    coordinates = study.memberships.filter(user=user, role=Membership.Role.COORDINATOR).exists()
    return coding_of(study, "protocol" if coordinates or study.unblinded_at is not None else "masked")


def coding_of(study: Study, name: Name) -> Coding:
    """The coding of this name: `protocol` shows the arms as the protocol has them, `masked` hides them."""
    if name == "protocol":
        arms = study.arms.order_by("position")
        return Coding(name, {arm.key: CodedArm(arm.key, arm.name, tuple(arm.methods)) for arm in arms})
    return Coding(name, {arm.key: CodedArm(code, f"Arm {code}", ()) for code, arm in masked_arms(study).items()})


def former_codes(study: Study) -> dict[str, str]:
    """Code -> key of the arm for a study that was unblinded, so that earlier masked results can be read; else empty.

    Empty too for a study that never had a blind analyst, being loaded with its published results.
    """
    entry = study.audit.filter(action=Action.STUDY_UNBLINDED).values_list("detail", flat=True).first()
    return dict(entry["arms_by_code"]) if entry else {}
