"""Where our layer takes hold of the Connect client: plans before they are sent, reader, writer, catalog, SQL.
"""

from __future__ import annotations

from typing import Any

def execute_hook(session: Any) -> Any:
    """The Connect client's own hook: called with every request to execute a plan."""
    from pyspark.sql.connect.session import SparkSession

    class Rewriting(SparkSession.Hook):
        def on_execute_plan(self, request: Any) -> Any:
            from awsglue._runtime.sail.rewrite import Rewriter

            Rewriter(session._mastic.scans, analysis=False).plan(request.plan)
            return request

    return Rewriting()


_INSTALLED = []


def install() -> None:
    """Patch the client's classes, once in this process."""
    if _INSTALLED:
        return
    _INSTALLED.append(True)
    _analysis()
    from awsglue._runtime.sail import facade

    facade.install()


def _analysis() -> None:
    from pyspark.sql.connect.client.core import SparkConnectClient

    original = SparkConnectClient._analyze

    def analyze(self: Any, method: str, **kwargs: Any) -> Any:
        from awsglue._runtime.engine import STATE
        from awsglue._runtime.sail.rewrite import Rewriter

        state = getattr(STATE.session, "_mastic", None)
        if state is not None:
            rewriter = Rewriter(state.scans, analysis=method not in ("explain", "persist"))
            for name in ("plan", "other"):
                if kwargs.get(name) is not None:
                    rewriter.plan(kwargs[name])
            if kwargs.get("relation") is not None:
                rewriter.relation(kwargs["relation"])
        return original(self, method, **kwargs)

    SparkConnectClient._analyze = analyze  # type: ignore[method-assign]

    # Compressed plans could not be rewritten, and they leave this process by loopback only.
    SparkConnectClient._get_plan_compression_threshold_and_algorithm = (  # type: ignore[method-assign]
        lambda self: (-1, "NONE")
    )
