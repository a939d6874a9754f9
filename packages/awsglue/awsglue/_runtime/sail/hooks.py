"""Where our layer takes hold of the Connect client: plans before they are sent, reader, writer, catalog, SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from awsglue._runtime.failures import PlanTooDeep


def execute_hook(session: Any) -> Any:
    """The Connect client's own hook: called with every request to execute a plan."""
    from pyspark.sql.connect.session import SparkSession

    class Rewriting(SparkSession.Hook):
        def on_execute_plan(self, request: Any) -> Any:
            from awsglue._runtime.sail.rewrite import Rewriter

            state = session._mastic
            if getattr(state.sending, "rewritten", False):
                return request
            rewriter = Rewriter(state.scans, analysis=False, types_of=state.types_of, names_of=state.names_of)
            with _deep():
                rewriter.plan(request.plan)
            return request

    return Rewriting()


_INSTALLED: list[bool] = []


def install() -> None:
    """Patch the client's classes, once in this process."""
    if _INSTALLED:
        return
    _INSTALLED.append(True)
    from awsglue._runtime.client import facade, pandas_frames, renaming
    from awsglue._runtime.sail import errors

    _analysis()
    _collecting()
    errors.install()
    facade.install()
    renaming.install()
    pandas_frames.install()


@contextmanager
def _deep() -> Iterator[None]:
    """A plan is as deep as it has steps, and Python looks at it one step within another; so do messages of plans."""
    from google.protobuf.message import DecodeError

    try:
        yield
    except RecursionError:
        raise PlanTooDeep from None
    except DecodeError as error:
        if "MaxDepth" not in str(error):
            raise
        raise PlanTooDeep from None


def _analysis() -> None:
    from pyspark.sql.connect.client.core import SparkConnectClient
    from pyspark.sql.connect.plan import LogicalPlan

    original = SparkConnectClient._analyze

    def analyze(self: Any, method: str, **kwargs: Any) -> Any:
        from awsglue._runtime.engine import STATE
        from awsglue._runtime.sail.rewrite import Rewriter

        state = getattr(STATE.session, "_mastic", None)
        if state is not None:
            analysis = method not in ("explain", "persist")
            rewriter = Rewriter(
                state.scans, analysis=analysis, types_of=state.types_of, names_of=state.names_of
            )
            with _deep():
                for name in ("plan", "other"):
                    if kwargs.get(name) is not None:
                        rewriter.plan(kwargs[name])
                if kwargs.get("relation") is not None:
                    rewriter.relation(kwargs["relation"])
        found = original(self, method, **kwargs)
        if state is not None and method == "schema" and _unsure(kwargs["plan"]):
            found.schema = state.executed_schema(kwargs["plan"], found.schema)
        return found

    SparkConnectClient._analyze = analyze  # type: ignore[method-assign]
    LogicalPlan.to_proto = _deep()(LogicalPlan.to_proto)  # type: ignore[method-assign]
    LogicalPlan._collect_references = staticmethod(  # type: ignore[method-assign]
        _deep()(LogicalPlan._collect_references)
    )
    # For plans that are to be seen as they are.
    SparkConnectClient._mastic_analyze = original  # type: ignore[attr-defined]

    # Compressed plans could not be rewritten, and they leave this process by loopback only.
    SparkConnectClient._get_plan_compression_threshold_and_algorithm = (  # type: ignore[method-assign]
        lambda self: (-1, "NONE")
    )


def _collecting() -> None:
    """Statements that DuckDB answers are taken from it when their rows are collected, counted or shown."""
    from pyspark.sql.connect.client.core import SparkConnectClient

    fetch, iterate = SparkConnectClient._execute_and_fetch, SparkConnectClient.to_table_as_iterator

    def answers(observations: Any) -> Any:
        from awsglue._runtime.engine import STATE

        state = getattr(STATE.session, "_mastic", None)
        asking = state is not None and not observations and not getattr(state.sending, "rewritten", False)
        return state.answers if asking else None

    def _execute_and_fetch(self: Any, req: Any, observations: Any, *args: Any, **kwargs: Any) -> Any:
        known = answers(observations) if req.plan.HasField("root") else None
        if known is not None and req.plan.root.HasField("show_string"):
            shown = known.shown(req.plan)
            if shown is not None:
                req.plan.CopyFrom(shown)
        elif known is not None:
            found = known.table(req.plan)
            if found is not None:
                return (*found, [], [], {})
        return fetch(self, req, observations, *args, **kwargs)

    def to_table_as_iterator(self: Any, plan: Any, observations: Any) -> Any:
        known = answers(observations)
        found = known.table(plan) if known is not None else None
        if found is None:
            yield from iterate(self, plan, observations)
        else:
            yield found[1]
            yield found[0]

    SparkConnectClient._execute_and_fetch = _execute_and_fetch  # type: ignore[method-assign]
    SparkConnectClient.to_table_as_iterator = to_table_as_iterator  # type: ignore[method-assign]
    # A function of the script's own takes the place of Spark's function of that name.
    from pyspark.sql.connect.udf import UDFRegistration

    register = UDFRegistration.register

    def registered(self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        state = self.sparkSession._mastic
        state.answers.replaced(name)
        return register(self, name, *args, **kwargs)

    UDFRegistration.register = registered  # type: ignore[method-assign]


_BRANCHING = frozenset(
    {"when", "if", "ifnull", "nvl", "coalesce", "greatest", "least", "nvl2", "array", "map"}
)


def _unsure(plan: Any) -> bool:
    """Whether the engine's analysis may name another type than the rows will have.

    It takes the first branch's type for a set operation or a CASE of different types; the rows come in the common one.
    """
    return _mentions(plan.root)


def _mentions(message: Any) -> bool:
    from pyspark.sql.connect import proto

    if isinstance(message, (proto.SetOperation, proto.SQL)):
        return True
    if (
        isinstance(message, proto.Expression)
        and message.HasField("unresolved_function")
        and (message.unresolved_function.function_name.lower() in _BRANCHING)
    ):
        return True
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if any(_mentions(item) for item in (list(value) if field.is_repeated else [value])):
            return True
    return False
