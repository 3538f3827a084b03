"""All that the results app changes: loading the published study, and the runs that compute reports."""

from readerstudy.results.services.interim import PAGE, interim_exported, interim_seen
from readerstudy.results.services.published import (
    NOTE,
    Loaded,
    StudyExistsError,
    gifsplanation_import,
)
from readerstudy.results.services.runs import (
    REPORTING,
    ReportError,
    ReportJob,
    run_request,
    run_retry,
    run_step,
    run_store,
)

__all__ = [
    "NOTE",
    "PAGE",
    "REPORTING",
    "Loaded",
    "ReportError",
    "ReportJob",
    "StudyExistsError",
    "gifsplanation_import",
    "interim_exported",
    "interim_seen",
    "run_request",
    "run_retry",
    "run_step",
    "run_store",
]
