"""Standard errors over clusters that hold with few of them: bias-reduced sandwich, and t in place of z.

With few clusters the sandwich estimator is too small, since each cluster pulls the estimate towards itself, and varies
so much itself that z promises too much. Each cluster's score is therefore inflated by (1 - its leverage)^(-1/2), so
that the variance is unbiased where the model holds (CR2: Bell and McCaffrey 2002; Kauermann and Carroll 2001 for
likelihoods), and the test has the degrees of freedom of Satterthwaite (Pan and Wall 2002; Tipton 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A cluster that alone decides about a parameter has leverage 1 there, and says nothing about the spread of others.
_LEVERAGE = 1 - 1e-6


@dataclass(frozen=True)
class Clusters:
    """Clusters' parts of a maximum of the likelihood, in units in which the information is the identity.

    `root` (parameters, parameters) is the symmetric root of the covariance, `leverages` (clusters, parameters,
    parameters) are the shares of the clusters in the information, `inverse_roots` those of what they leave.
    """

    root: Floats
    leverages: Floats
    inverse_roots: Floats
    covariance: Floats  # CR2

    def degrees_of_freedom(self, contrast: Floats) -> float:
        """Of the variance of `contrast` @ parameters: twice its squared mean over its variance where the model holds.

        Close to the number of clusters that bear on the contrast less one, and lower where a few bear on it more.
        """
        direction = self.root @ contrast
        weights = self.inverse_roots @ direction
        shares = np.einsum("gij,gj->gi", self.leverages, weights)
        own = np.einsum("gi,gi->g", weights, shares)
        common = shares.T @ shares
        trace = float(own.sum() - np.trace(common))
        squared = float(own @ own - 2 * own @ np.einsum("gi,gi->g", shares, shares) + np.sum(common**2))
        return trace**2 / squared if squared > 0 else np.nan


def clusters_of(covariance: Floats, scores: Floats, informations: Floats) -> Clusters:
    """From the inverse information, and each cluster's score (clusters, parameters) and part of the information."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    leverages = root @ informations @ root
    own, axes = np.linalg.eigh(leverages)
    left = 1 - own
    scale = np.where(own < _LEVERAGE, 1 / np.sqrt(np.maximum(left, 1 - _LEVERAGE)), 0.0)
    inverse_roots = (axes * scale[:, None, :]) @ np.swapaxes(axes, 1, 2)
    inflated = np.einsum("gij,gj->gi", inverse_roots, scores @ root)
    influence = inflated @ root
    return Clusters(root, leverages, inverse_roots, influence.T @ influence)
