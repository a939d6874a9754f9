"""Where our layer takes hold of the Connect client of a whole PySpark: session, reader, writer, settings, names.

Files stay with the server; tables, views and statements are ours, as with the embedded engine, whose client this is.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from awsglue._runtime.client.builder import Builder
from awsglue._runtime.connect.reach import Reach, trouble
from awsglue._runtime.engine import services

_INSTALLED: list[bool] = []


def install() -> None:
    """Patch the client's classes, once in this process."""
    if _INSTALLED:
        return
    _INSTALLED.append(True)
    # As PySpark itself knows that its functions are to make plans.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    from awsglue._runtime import engine
    from awsglue._runtime.client import catalogs, writers
    from awsglue._runtime.delta import modules

    _names()
    _configuration()
    _session()
    _reader()
    _saving()
    _errors()
    catalogs.install()
    writers.tables()
    modules.install(unless=lambda: engine.current_session() is not None and services().knows("delta"))


class _Builder(Builder):
    """Every road leads to the one session of this process."""

    def getOrCreate(self) -> Any:
        from awsglue._runtime import engine
        from awsglue._runtime.classic.hooks import passed_on
        from awsglue._runtime.connect.session import apply

        known = engine.current_session()
        session = engine.get_or_create_session(self._options)
        if known is not None:
            given = passed_on(self._options)
            apply(session, {key: one for key, one in given.items() if key.startswith("spark.sql.")})
        return session


class _BuilderProperty:
    """`SparkSession.builder` gives a fresh builder each time."""

    def __get__(self, instance: Any, owner: Any) -> _Builder:
        return _Builder()


def _names() -> None:
    """The names by which scripts import what is a facade here."""
    import pyspark
    import pyspark.context
    import pyspark.core.context
    import pyspark.files
    import pyspark.rdd
    import pyspark.sql
    import pyspark.sql.context
    import pyspark.sql.session
    from pyspark.sql.connect.session import SparkSession

    from awsglue._runtime.client.builder import from_contexts
    from awsglue._runtime.client.local_rdd import LocalRDD
    from awsglue._runtime.client.spark_context import Broadcast, SparkFiles
    from awsglue._runtime.client.sql_context import HiveContext, SQLContext
    from awsglue._runtime.connect.context import SparkContext

    places: dict[str, Any] = {
        "SparkContext": SparkContext,
        "RDD": LocalRDD,
        "SparkFiles": SparkFiles,
        "Broadcast": Broadcast,
    }
    for module in (pyspark, pyspark.context, pyspark.core.context, pyspark.rdd, pyspark.files):
        for name, place in places.items():
            if hasattr(module, name):
                setattr(module, name, place)
    for module in (pyspark.sql, pyspark.sql.context):
        module.SQLContext = SQLContext  # type: ignore[attr-defined]
        module.HiveContext = HiveContext  # type: ignore[attr-defined]
    SparkSession.builder = _BuilderProperty()  # type: ignore[assignment]
    from_contexts(SparkSession)
    pyspark.sql.SparkSession = SparkSession  # type: ignore[misc,assignment]
    pyspark.sql.session.SparkSession = SparkSession  # type: ignore[misc,assignment]


def _configuration() -> None:
    from pyspark.sql.connect.conf import RuntimeConf

    from awsglue._runtime.classic.hooks import OURS
    from awsglue._runtime.engine import STATE

    native, ask, forget = RuntimeConf.set, RuntimeConf.get, RuntimeConf.unset
    RuntimeConf._mastic_set = native  # type: ignore[attr-defined]
    RuntimeConf._mastic_get = ask  # type: ignore[attr-defined]
    RuntimeConf._mastic_unset = forget  # type: ignore[attr-defined]

    def set_(self: Any, key: str, value: Any) -> None:
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        if not key.startswith(OURS):
            native(self, key, text)
        STATE.conf[key] = text

    def get(self: Any, key: str, *default: Any) -> Any:
        return STATE.conf[key] if key.startswith(OURS) and key in STATE.conf else ask(self, key, *default)

    def unset(self: Any, key: str) -> None:
        STATE.conf.pop(key, None)
        if not key.startswith(OURS):
            forget(self, key)

    RuntimeConf.set = set_  # type: ignore[method-assign]
    RuntimeConf.get = get  # type: ignore[method-assign]
    RuntimeConf.unset = unset  # type: ignore[method-assign]


def _session() -> None:
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

    from awsglue._runtime.client import facade

    SparkSession._mastic_sql = SparkSession.sql  # type: ignore[attr-defined]
    facade.sessions(SparkSession)
    facade.rdds(DataFrame)


def _reader() -> None:
    from pyspark.sql.connect.readwriter import DataFrameReader

    from awsglue._runtime.classic import lakes

    native, text = DataFrameReader.load, DataFrameReader.json

    def load(self: Any, path: Any = None, format: Any = None, schema: Any = None, **options: Any) -> Any:
        kind = str(format or self._format).lower()
        given = {**self._options, **options}
        if kind in ("kafka", "kinesis"):
            from awsglue._streams.queries import read_now

            return read_now(self._client, kind, given)
        if lakes.ours(kind):
            return lakes.read(kind, path, given, schema if schema is not None else self._schema or None)
        from awsglue._sources import sparkjdbc

        named = sparkjdbc.options_of(kind, given)
        if named is not None:
            return sparkjdbc.read(self._client, named, schema=schema or self._schema)
        reach(self._client).check(path or given.get("path"))
        return native(self, path, format, schema, **options)

    def json(self: Any, path: Any, *args: Any, **kwargs: Any) -> Any:
        from awsglue._runtime.client.local_rdd import LocalRDD

        if isinstance(path, LocalRDD):
            return services().json_lines(path.collect(), self)
        return text(self, path, *args, **kwargs)

    from awsglue._runtime.client import facade

    DataFrameReader._mastic_load = native  # type: ignore[attr-defined]
    DataFrameReader.load = load  # type: ignore[method-assign]
    DataFrameReader.json = json  # type: ignore[method-assign]
    facade.databases(DataFrameReader)
    DataFrameReader.table = lambda self, tableName: services().table(tableName, dict(self._options))  # type: ignore


def _saving() -> None:
    from pyspark.sql.connect.readwriter import DataFrameWriter

    from awsglue._runtime import engine
    from awsglue._runtime.classic import lakes
    from awsglue._runtime.client import writers
    from awsglue._runtime.io.writing import tell

    native = DataFrameWriter.save

    def save(
        self: Any,
        path: Any = None,
        format: Any = None,
        mode: Any = None,
        partitionBy: Any = None,
        **options: Any,
    ) -> None:
        tell(self, mode, format, partitionBy, options)
        if writers.by_client(self):
            return
        kind = (self._write.source or "").lower()
        if lakes.ours(kind):
            lakes.write(kind, writers._request(self), path or self._write.path)
            return
        target = path or self._write.path or self._write.options.get("path")
        if target is None or not str(target).removeprefix("file://").startswith(engine.scratch_directory()):
            engine.mark_written()
            reach(self._spark).check(target)
        native(self, path)

    DataFrameWriter.save = save  # type: ignore[method-assign]


def reach(session: Any) -> Reach:
    """What is known of the way from the server to S3."""
    found = session.__dict__.get("_mastic_reach")
    if found is None:
        found = session.__dict__["_mastic_reach"] = Reach(session)
    return found  # type: ignore[no-any-return]


def _errors() -> None:
    """A server that has lost S3 says so in words about S3."""
    from pyspark.sql.connect.client.core import SparkConnectClient

    native = SparkConnectClient._handle_error

    def handle(self: Any, error: Exception) -> Any:
        from pyspark.errors.exceptions.connect import SparkConnectException

        try:
            native(self, error)
        except SparkConnectException as failed:
            said = str(failed)
            if "s3" in said.lower() and trouble(said):
                sys.stderr.write(trouble(said) + "\n")
            raise

    SparkConnectClient._handle_error = handle  # type: ignore[method-assign,assignment]
