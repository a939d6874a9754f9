"""Fetches the libraries of marketplace connectors: not built in."""

from __future__ import annotations

from typing import NoReturn

from awsglue.scripts import refuse


def main() -> NoReturn:
    """Raises NotImplementedError."""
    refuse("activate_etl_connector", "--extra-jars gives a job libraries.")


if __name__ == "__main__":
    main()
