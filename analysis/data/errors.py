"""The one base class of what the analysis refuses to do, so that a caller can show it as a sentence."""


class AnalysisError(Exception):
    """Says in its message what was wrong with the request or the data and what to do about it."""


class UsageError(AnalysisError):
    """The request itself makes no sense, whatever the data."""
