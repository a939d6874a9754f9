"""Java regular expressions over names, as GetTables and GetUserDefinedFunctions take them.

A ``*`` that repeats a class, a group or an escape is the quantifier that it is in Java. Behind anything else, and at
the beginning, it stands for any text, as in Hive's patterns: clients ask for ``sales*`` and ``*sales*``. A pattern may
be hostile: matching has a budget of time, after which the call is refused. Owns no state.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from mastic.errors import invalid_input

SECONDS = 2.0
_LITERAL = re.compile(r"[a-z0-9_]*")
_QUOTED = re.compile(r"\\Q(.*?)(?:\\E|\Z)", re.DOTALL)
# What is copied as it stands, with the quantifier behind it; or a star that is a wildcard.
_PIECE = re.compile(r"(?P<kept>(?:\\.|\[(?:\\.|[^\]\\])+\]|[.)}])\*?)|(?P<wildcard>\*)", re.DOTALL)


class Pattern:
    """A compiled expression that must match a whole name."""

    def __init__(self, expression: str) -> None:
        import regex

        self._expression = expression
        self._java = _PIECE.sub(
            lambda piece: ".*" if piece["wildcard"] else piece["kept"],
            _QUOTED.sub(lambda quoted: re.escape(quoted[1]), expression),
        )
        try:
            self._compiled = regex.compile(self._java, flags=regex.VERSION0)
        except (regex.error, OverflowError, RecursionError) as error:
            raise invalid_input(f"Invalid regular expression '{expression}': {error}") from error

    @property
    def prefix(self) -> str:
        """Text that every matching name begins with."""
        if "|" in self._java or "(" in self._java:
            return ""
        found = _LITERAL.match(self._java)
        text = found[0] if found else ""
        following = self._java[len(text) : len(text) + 1]
        # A quantifier belongs to the last character.
        return text[:-1] if following and following in "*?{+" else text

    def matching(self, names: Iterable[str]) -> Iterator[str]:
        """Those of the names that match. Raises InvalidInputException when it takes too long."""
        deadline = time.monotonic() + SECONDS
        for name in names:
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                if self._compiled.fullmatch(name, timeout=left):
                    yield name
            except TimeoutError:
                raise invalid_input(f"The expression '{self._expression}' takes too long to match") from None
