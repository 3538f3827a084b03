"""Under which keys and names a viewer sees the arms of a study: the one place that pages and reports ask."""

from dataclasses import dataclass

import pandas as pd

from readerstudy.accounts.models import User
from readerstudy.results.frames import responses
from readerstudy.studies.models import Study

PROTOCOL = "protocol"


@dataclass(frozen=True)
class ShownArm:
    """An arm as its viewer sees it."""

    key: str
    name: str
    methods: tuple[str, ...]


@dataclass(frozen=True)
class ShownArms:
    """The arms in the order in which they are compared; `coding` says how keys and names were made."""

    coding: str
    arms: tuple[ShownArm, ...]

    @property
    def contrast(self) -> tuple[str, str] | None:
        """Keys of the first and second arm, if there are two; a difference is second minus first."""
        return (self.arms[0].key, self.arms[1].key) if len(self.arms) > 1 else None


def arms_for(study: Study, user: User) -> ShownArms:  # noqa: ARG001  # who may see what is decided here
    """The arms as this user sees them."""
    return arms_coded(study, PROTOCOL)


def arms_coded(study: Study, coding: str) -> ShownArms:
    """The arms under a coding."""
    if coding != PROTOCOL:
        raise ValueError(f"There is no coding {coding!r} of arms.")
    arms = study.arms.order_by("position")
    return ShownArms(coding, tuple(ShownArm(arm.key, arm.name, tuple(arm.methods)) for arm in arms))


def responses_coded(study: Study, coding: str) -> pd.DataFrame:
    """The study's responses with the arms under a coding."""
    if coding != PROTOCOL:
        raise ValueError(f"There is no coding {coding!r} of arms.")
    return responses(study)
