"""From a file to the radiograph that people and models see: grey values and geometry, without torch and Django.

Whoever needs pixels of a file asks here: the importer, the pages, the classifier, training, the shell.
"""

from explainer.radiographs.geometry import Placement, placement_from
from explainer.radiographs.masks import mask_of
from explainer.radiographs.radiograph import Radiograph, file_bytes, png_of, radiograph_of, radiograph_read

__all__ = [
    "Placement",
    "Radiograph",
    "file_bytes",
    "mask_of",
    "placement_from",
    "png_of",
    "radiograph_of",
    "radiograph_read",
]
