"""Synthetic frontal chest X-rays with known findings, exact masks and a planted shortcut."""

from explainer.phantoms.findings import FINDINGS
from explainer.phantoms.render import SIZE, Phantom, draw
from explainer.phantoms.write import PhantomError, main, write

__all__ = ["FINDINGS", "SIZE", "Phantom", "PhantomError", "draw", "main", "write"]
