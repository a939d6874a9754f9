"""The names of PySpark that a runtime's engine lacks, for scripts and tests that are started without the launcher."""

from __future__ import annotations

import importlib.util


def install() -> None:
    """Make them importable. Only the embedded engine's client lacks any: SparkContext, pyspark.context and others."""
    if importlib.util.find_spec("pysail") is not None:
        from awsglue._runtime.client import shims

        shims.install()
