"""``python -m mastic``."""

from mastic.cli import app

app()
