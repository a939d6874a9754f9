"""``mastic`` and ``python -m mastic``: the entry of the program. Owns no state.

A server that is told its settings plainly is started at once: the command line, which can explain itself, takes longer
to load than to read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

# The options of ``mastic up``, and which of them are numbers.
OPTIONS = ("data-dir", "host", "port", "database-url", "hive-metastore-port", "log-level")
NUMBERS = ("port", "hive-metastore-port")


def main() -> None:
    """Do what the arguments ask for."""
    settings = plain(sys.argv[1:])
    if settings is not None:
        from mastic import serving

        serving.become(settings)
    from mastic.cli import app

    app()


def plain(arguments: Sequence[str]) -> dict[str, str] | None:
    """The settings of an ``up`` whose every argument is an option with a value; None is for the command line."""
    if list(arguments[:1]) != ["up"]:
        return None
    found: dict[str, str] = {}
    rest = list(arguments[1:])
    while rest:
        option, joined, value = rest.pop(0).partition("=")
        if not joined:
            if not rest:
                return None
            value = rest.pop(0)
        name = option.removeprefix("--")
        if option != f"--{name}" or name not in OPTIONS or value.startswith("-"):
            return None
        if name in NUMBERS and not (value.isascii() and value.isdigit()):
            return None
        found[name.replace("-", "_")] = value
    return found


if __name__ == "__main__":
    main()
