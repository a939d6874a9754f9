"""Changes that are made anew when another writer came first: what every door and every optimizer does.

A change is reckoned from what is there, and made only if that is still so. Whoever was overtaken has done nothing, and
begins again from what is there by then. Owns no state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Overtaken(Exception):
    """Another writer came first: nothing was done."""


def again(most: int, attempt: Callable[[], T], otherwise: Exception, *, by: type[Overtaken] = Overtaken) -> T:
    """What ``attempt`` returns once it is not overtaken, tried at most ``most`` times. Raises ``otherwise`` after that.

    An attempt looks at everything anew, and takes back what it has prepared before it lets Overtaken out. ``by`` is
    what makes another attempt worth while.
    """
    for _ in range(most):
        try:
            return attempt()
        except by:
            # The next one sees what came first.
            continue
    raise otherwise
