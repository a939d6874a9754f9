"""The SparkSession of a Sail runtime: server, Connect client, Glue's settings, our hooks."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.sail import server as sail_server

# Glue 5.x runs Spark 3.5 with these.
DEFAULTS = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
}
# Rows come by loopback: without this the server compresses them with gzip, which costs more than most plans.
IDENTITY = ("grpc.compression_enabled_algorithms_bitset", 1)


def start(state: Any) -> Any:
    """Start server and session. Called once, by engine.get_or_create_session."""
    from awsglue._runtime import engine, preload
    from awsglue._runtime.client import shims
    from awsglue._runtime.sail import hooks
    from awsglue._runtime.sail.services import Services

    preload.quiet()
    shims.install()
    server, port = sail_server.start(state.memory_mb, state.cores, engine.scratch_directory())
    from pyspark.sql.connect.client.core import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession

    hooks.install()
    session = SparkSession(
        connection=DefaultChannelBuilder(f"sc://127.0.0.1:{port}/;user_id=mastic", [IDENTITY]),
        hook_factories=[hooks.execute_hook],
    )
    SparkSession._set_default_and_active_session(session)
    session._mastic = Services(server, session, state, engine.scratch_directory())  # type: ignore[attr-defined]
    for key, value in {**DEFAULTS, **state.conf}.items():
        session.conf.set(key, value)
    return session
