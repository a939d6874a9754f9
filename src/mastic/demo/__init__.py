"""``mastic demo``: a whole pipeline on this machine, driven from outside like any other client would."""

from mastic.demo.run import run

__all__ = ["run"]
