"""The composition root: the one place that wires everything.

``build`` makes a server from its settings; each further module puts one group of features on the ground that
``base`` describes.
"""

from mastic.app.base import App
from mastic.app.build import build

__all__ = ["App", "build"]
