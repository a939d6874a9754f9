"""The order of the suite: what takes long is begun first, so that no worker is left with it in the end.

Of tests with a group of their own pytest-xdist begins the largest groups first, whatever is said here.
"""

from __future__ import annotations

import pytest

# Beginnings of tests' names, longest first. What starts Apache Spark has others between it, for the sake of memory.
LONG = (
    "tests/flows/test_spark_cluster.py",
    "tests/flows/test_main_path.py",
    "tests/awsglue/test_engines.py::test_suite[sail-",
    "tests/clients/test_dbt.py",
    "tests/awsglue/test_engines.py::test_suite[spark-3.5-",
    "tests/flows/test_bookmark_crashes.py",
    "tests/flows/test_iceberg_commits.py",
    "tests/clients/test_terraform_catalog.py",
    "tests/api/test_job_versions.py",
    "tests/clients/test_terraform_functions.py",
    "tests/clients/test_terraform.py",
    "tests/awsglue/test_engines.py::test_suite[spark-4.1-",
    "tests/clients/",
    "tests/flows/",
    "tests/api/",
)


def sort(items: list[pytest.Item]) -> None:
    """Put the long ones in front."""

    def place(item: pytest.Item) -> int:
        found = (number for number, beginning in enumerate(LONG) if item.nodeid.startswith(beginning))
        return next(found, len(LONG))

    items.sort(key=place)
