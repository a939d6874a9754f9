"""What a job process does before it knows its order, and what it removes when it leaves."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import sys
import warnings
from collections.abc import Iterable

# Imported while waiting: what nearly every script imports first, in the order of their cost.
COMMON = ("boto3", "botocore.session", "pyarrow", "pyarrow.parquet", "concurrent.futures", "sqlglot")
SAIL = (
    "pysail.spark",
    "pandas",
    "grpc",
    "pyspark.sql.connect.session",
    "pyspark.sql.connect.functions.builtin",
    "pyspark.sql.functions",
    "pyspark.sql.types",
    "awsglue._runtime.sail.session",
    "awsglue._runtime.client.shims",
)
SPARK = (
    "pandas",
    "py4j.java_gateway",
    "pyspark.sql",
    "pyspark.sql.functions",
    "awsglue._runtime.classic.session",
)
PUBLIC = ("awsglue.context", "awsglue.job", "awsglue.utils", "awsglue.dynamicframe", "awsglue.transforms")
LATER = ("pyiceberg.catalog.glue", "pyiceberg.table")


def quiet() -> None:
    """Keep the engine's own chatter out of the job's log, unless somebody asks for it."""
    os.environ.setdefault("RUST_LOG", "off")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("PYICEBERG_DISABLE_TELEMETRY", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"pyspark\..*")


def warm() -> None:
    """Import ahead. A module that is missing here is reported when the script asks for it, not now."""
    from awsglue._runtime import engine

    names = list(COMMON)
    if engine.installed() == engine.SAIL:
        from awsglue._runtime.client import shims

        shims.install()
        names += SAIL
    elif engine.installed() == engine.SPARK:
        names += SPARK
    elif importlib.util.find_spec("ray") is not None:
        # Ray reads its settings when it is imported: those are the run's.
        _import(names)
        return
    names += PUBLIC + LATER
    _import(names)
    # boto3 loads service models from disk on first client: have them in memory.
    _warm_clients()


def _import(names: Iterable[str]) -> None:
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            sys.stderr.write(f"launch: warm import of {name} left out: {error}\n")


def _warm_clients() -> None:
    import botocore.session

    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    for service in ("s3", "glue"):
        loader.load_service_model(service, "service-2")


def sweep() -> None:
    """Remove this process's scratch folder."""
    base = os.environ.get("MASTIC_SCRATCH_DIR")
    if not base:
        import tempfile

        base = tempfile.gettempdir()
    shutil.rmtree(os.path.join(base, f"mastic-job-{os.getpid()}"), ignore_errors=True)
