"""A plugin of pytest: unit tests of Glue scripts import PySpark's names as jobs do, also in their first conftest.py.

pytest finds it by itself where this package is installed.
"""

from __future__ import annotations

from awsglue._runtime import pyspark_names


def pytest_load_initial_conftests() -> None:
    """Before any conftest.py is imported."""
    pyspark_names.install()
