"""Does again what was taken back: not built in."""

from __future__ import annotations

from typing import NoReturn

from awsglue.scripts import refuse


def main() -> NoReturn:
    """Raises NotImplementedError."""
    refuse("crawler_redo_from_backup", "UpdateTable and CreateTable take a definition that was kept.")


if __name__ == "__main__":
    main()
