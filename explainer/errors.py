"""Errors of the explainer: each says what was wrong and what to do about it."""

from __future__ import annotations


class ExplainerError(Exception):
    """Base of every error that this package raises on purpose; its text can be shown to a coordinator."""


class UsageError(ExplainerError):
    """A request makes no sense, whatever is in the files that it names."""


class ImageError(ExplainerError):
    """An image file cannot be read or is no X-ray that a model could look at."""


class RadiographError(ImageError):
    """A file is not taken as a radiograph. `reason` says what is wrong with it and what would help."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}.")
        self.reason = reason


class AnnotationError(ExplainerError):
    """A box or mask does not fit its image."""


class UnknownModelError(UsageError):
    """No classifier or autoencoder has this identifier."""


class WeightsError(ExplainerError):
    """Weights are absent, damaged, or not those that were used before."""


class MissingWeightsError(WeightsError):
    """Weights are not where they are looked for."""


class DamagedWeightsError(WeightsError):
    """A weights file cannot be read: it is cut off, or it is no such file."""


class ChangedWeightsError(WeightsError):
    """A weights file is not the one that was pinned, or not the one that was used before."""


class UnfitWeightsError(WeightsError):
    """A weights file can be read but belongs to another network."""


class DownloadError(WeightsError):
    """Weights could not be fetched; what has arrived is kept beside them and never taken for the whole."""


class ModelDescriptionError(ExplainerError):
    """A user's own model is described wrongly, or is not what its description says."""


class CodeNotAllowedError(ExplainerError):
    """An identifier names Python code that nobody on this machine has allowed to be run."""


class InputError(ExplainerError):
    """A tensor has the wrong shape, type, size or range for the model."""


class ShapeError(InputError):
    """A tensor is no batch of one-channel images of the model's size."""


class DtypeError(InputError):
    """A tensor holds numbers of another type than the classifier (float32 unless it was converted)."""


class NotFiniteError(InputError):
    """An image holds NaN or infinity."""


class RangeError(InputError):
    """An image is on another scale than the model's."""


class BlankImageError(InputError):
    """An image has one value throughout, so there is nothing on it to explain."""


class TargetError(UsageError):
    """The classifier does not predict this target."""


class SettingsError(UsageError):
    """A method or one of its settings is unknown or out of range."""


class NoGradientError(ExplainerError):
    """The prediction does not depend on the image, or not differentiably, so there is nothing to show."""


class PredictionError(ExplainerError):
    """The classifier returned something that is no probability."""


class UnfitNetworkError(ExplainerError):
    """A method is not defined for this network."""


class GuidedBackpropError(UnfitNetworkError):
    """Guided backpropagation is not defined for this network."""


class RenderingError(ExplainerError):
    """A map or sequence cannot be drawn."""


class MemoryExhaustedError(ExplainerError):
    """Not even one image fits into the memory of the device."""


class EvaluationError(ExplainerError):
    """A measure of explanations cannot be taken."""
