"""The SparkSession of a classic runtime: a local JVM (or a cluster's master), S3 through s3a, our tables on top."""

from __future__ import annotations

from typing import Any


def start(state: Any) -> Any:
    """Start the session. Called once, by engine.get_or_create_session."""
    from awsglue._runtime import engine
    from awsglue._runtime.classic import cluster, hooks
    from awsglue._runtime.classic.services import Services

    hooks.install()
    cluster.check()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder
    for key, value in hooks.passed_on(state.conf).items():
        builder = builder.config(key, value)
    session = builder._mastic_get_or_create()  # type: ignore[attr-defined]
    if cluster.master():
        cluster.ship(session.sparkContext, state.python_path, engine.scratch_directory())
    session._mastic = Services(session, state, engine.scratch_directory())
    return session
