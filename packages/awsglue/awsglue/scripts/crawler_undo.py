"""Takes back what a crawler did: not built in."""

from __future__ import annotations

from typing import NoReturn

from awsglue.scripts import refuse


def main() -> NoReturn:
    """Raises NotImplementedError."""
    refuse("crawler_undo", "GetTableVersions has what a table was before, and UpdateTable puts it back.")


if __name__ == "__main__":
    main()
