"""Files that ship with Mastic beside its code: inside an installed wheel, or in a checkout. Owns no state."""

from __future__ import annotations

from pathlib import Path

from mastic.errors import Refused


def find(wheel_path: str, checkout_path: str) -> tuple[Path, bool]:
    """The directory, and whether it is a checkout's. Raises Refused when the installation lacks it."""
    home = Path(__file__).parent
    bundled = home / "_bundled" / wheel_path
    if bundled.exists():
        return bundled, False
    checkout = home.parents[1] / checkout_path
    if checkout.exists():
        return checkout, True
    raise Refused(f"this installation of Mastic lacks {checkout_path}: install it again")
