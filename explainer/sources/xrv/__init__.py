"""TorchXRayVision's networks, kept at arm's length: quiet import, checked weights, logits, ReLUs that can be hooked.

On import that package silences every warning of the process and changes `sys.path`; its loaders download without
asking and unpickle whole models; its forward passes resize silently and remap outputs. Only its layers are used here.
"""

from __future__ import annotations

from explainer.xrv.autoencoders import LOADERS as AUTOENCODERS
from explainer.xrv.autoencoders import RESNET101_ELASTIC, RESNET_AE_WEIGHTS
from explainer.xrv.classifiers import (
    JFHEALTHCARE,
    JFHEALTHCARE_WEIGHTS,
    RELEASED,
    Network,
    build_jfhealthcare,
    loader_of,
)
from explainer.xrv.classifiers import LOADERS as CLASSIFIERS
from explainer.xrv.layers import RectifiedFeatures
from explainer.xrv.package import quiet_import

__all__ = [
    "AUTOENCODERS",
    "CLASSIFIERS",
    "JFHEALTHCARE",
    "JFHEALTHCARE_WEIGHTS",
    "RELEASED",
    "RESNET101_ELASTIC",
    "RESNET_AE_WEIGHTS",
    "Network",
    "RectifiedFeatures",
    "build_jfhealthcare",
    "loader_of",
    "quiet_import",
]
