"""Where our tables take hold of classic PySpark: session, writers, catalog. Files stay with Spark."""

from __future__ import annotations

import functools
import inspect
import os
from typing import Any

from awsglue._runtime.engine import services

# Spark cannot load these classes without their jars; our tables serve these catalogs.
OURS = ("spark.sql.catalog.", "spark.sql.extensions", "spark.sql.defaultCatalog")
_INSTALLED: list[bool] = []


def passed_on(conf: dict[str, str]) -> dict[str, str]:
    """The settings that Spark itself gets."""
    return {key: value for key, value in conf.items() if not key.startswith(OURS)}


def install() -> None:
    """Prepare the JVM's arguments and patch the classes, once in this process."""
    if _INSTALLED:
        return
    _INSTALLED.append(True)
    from awsglue._runtime import engine
    from awsglue._runtime.classic import cluster, databases, jvm, lakes, meters, streams

    os.environ.setdefault(
        "PYSPARK_SUBMIT_ARGS", jvm.submit_arguments(engine.STATE, engine.scratch_directory())
    )
    import sys

    if not cluster.master():
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        # Python's workers are processes of their own: what the run brought along is theirs, too.
        known = [*engine.STATE.python_path, os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(entry for entry in known if entry)
    # The executors' Python; the driver's own unless the operator says where theirs is.
    os.environ.setdefault("PYSPARK_PYTHON", cluster.operators().get("spark.pyspark.python") or sys.executable)
    meters.install()
    _context()
    _session()
    _configuration()
    _writers()
    _catalog()
    databases.install()
    streams.install()
    lakes.install()


def _context() -> None:
    """`SparkContext(conf=SparkConf()…)`: the catalogs that it names are ours."""
    from pyspark import SparkConf, SparkContext

    from awsglue._runtime.engine import STATE

    native = SparkContext.__init__

    @functools.wraps(native)
    def init(self: Any, *args: Any, **named: Any) -> None:
        given = inspect.signature(native).bind(self, *args, **named)
        conf = given.arguments.get("conf")
        if conf is not None:
            found = dict(conf.getAll())
            STATE.conf.update({key: value for key, value in found.items() if key.startswith("spark.sql.")})
            given.arguments["conf"] = SparkConf(loadDefaults=False).setAll(list(passed_on(found).items()))
        native(*given.args, **given.kwargs)

    SparkContext.__init__ = init  # type: ignore[method-assign]


def _session() -> None:
    from pyspark.sql import SparkSession
    from pyspark.sql.readwriter import DataFrameReader

    from awsglue._runtime import engine

    native = SparkSession.Builder.getOrCreate

    def get_or_create(self: Any) -> Any:
        engine.STATE.conf.update({key: str(value) for key, value in self._options.items()})
        session = engine.get_or_create_session()
        for key, value in passed_on(self._options).items():
            if key.startswith("spark.sql."):
                session.conf.set(key, value)
        return session

    SparkSession.Builder._mastic_get_or_create = native  # type: ignore[attr-defined]
    SparkSession.Builder.getOrCreate = get_or_create  # type: ignore[method-assign]
    SparkSession.Builder.enableHiveSupport = lambda self: self  # type: ignore[method-assign]
    SparkSession._mastic_sql = SparkSession.sql  # type: ignore[attr-defined]
    SparkSession._mastic_table = SparkSession.table  # type: ignore[attr-defined]

    def sql(self: Any, sqlQuery: str, args: Any = None, **kwargs: Any) -> Any:
        if kwargs:
            return self._mastic_sql(sqlQuery, args, **kwargs)
        return services().sql(sqlQuery, args, [])

    SparkSession.sql = sql  # type: ignore[method-assign,assignment]
    SparkSession.table = lambda self, tableName: services().table(tableName)  # type: ignore[method-assign]
    option, options = DataFrameReader.option, DataFrameReader.options

    def keep_option(self: Any, key: str, value: Any) -> Any:
        self.__dict__.setdefault("_mastic_options", {})[key] = str(value)
        return option(self, key, value)

    def keep_options(self: Any, **given: Any) -> Any:
        self.__dict__.setdefault("_mastic_options", {}).update({k: str(v) for k, v in given.items()})
        return options(self, **given)

    DataFrameReader.option = keep_option  # type: ignore[method-assign]
    DataFrameReader.options = keep_options  # type: ignore[method-assign]
    DataFrameReader.table = lambda self, tableName: services().table(  # type: ignore[method-assign]
        tableName, self.__dict__.get("_mastic_options", {})
    )


def _configuration() -> None:
    from pyspark.sql.conf import RuntimeConfig

    from awsglue._runtime.engine import STATE

    native = RuntimeConfig.set

    def set_(self: Any, key: str, value: Any) -> None:
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        STATE.conf[key] = text
        if not key.startswith(OURS):
            native(self, key, text)

    RuntimeConfig.set = set_  # type: ignore[method-assign]
    native_unset = RuntimeConfig.unset

    def unset(self: Any, key: str) -> None:
        STATE.conf.pop(key, None)
        if not key.startswith(OURS):
            native_unset(self, key)

    RuntimeConfig.unset = unset  # type: ignore[method-assign]


def _writers() -> None:
    try:
        # Spark 4 has a class of its own below the public one.
        from pyspark.sql.classic.dataframe import DataFrame
    except ModuleNotFoundError:
        from pyspark.sql.dataframe import DataFrame  # type: ignore[assignment]
    from pyspark.sql.readwriter import DataFrameWriter

    from awsglue._runtime import engine
    from awsglue._runtime.classic import databases, lakes
    from awsglue._runtime.classic.writer import TableWriter
    from awsglue._runtime.io.writing import WriteRequest, table_methods

    def keeping(name: str, store: Any) -> None:
        native = getattr(DataFrameWriter, name)

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            store(self.__dict__.setdefault("_mastic", {"options": {}}), *args, **kwargs)
            return native(self, *args, **kwargs)

        setattr(DataFrameWriter, name, method)

    keeping("format", lambda kept, source: kept.update(format=source))
    keeping("mode", lambda kept, saveMode: kept.update(mode=saveMode or kept.get("mode")))
    keeping("option", lambda kept, key, value: kept["options"].update({key: str(value)}))
    keeping("options", lambda kept, **given: kept["options"].update({k: str(v) for k, v in given.items()}))
    keeping("bucketBy", lambda kept, numBuckets, *cols, **more: kept.update(buckets=numBuckets))
    keeping(
        "partitionBy",
        lambda kept, *cols: kept.update(
            partition_by=list(cols[0]) if cols and isinstance(cols[0], (list, tuple)) else list(cols)
        ),
    )

    def request(self: Any) -> WriteRequest:
        kept = self.__dict__.get("_mastic", {"options": {}})
        return WriteRequest(
            format=(kept.get("format") or "").lower(),
            mode=(kept.get("mode") or "error").lower(),
            options=kept["options"],
            partition_by=kept.get("partition_by", []),
            frame=self._df,
        )

    def of_table(self: Any) -> WriteRequest:
        asked = request(self)
        lakes.refuse_buckets(asked.format, self.__dict__.get("_mastic", {}))
        return asked

    save_as_table, insert_into = table_methods(lambda: services().tables, of_table)
    native_save, native_jdbc = DataFrameWriter.save, DataFrameWriter.jdbc

    def jdbc(self: Any, url: str, table: str, mode: Any = None, properties: Any = None) -> None:
        more = {**(properties or {}), "url": url, "dbtable": table}
        if not databases.write(self, request(self), mode, more):
            engine.mark_written()
            native_jdbc(self, url, table, mode, properties)

    def save(self: Any, path: Any = None, *args: Any, **kwargs: Any) -> None:
        if databases.saved(self, request(self), path, *args, **kwargs):
            return
        if path is None or not str(path).startswith("file://" + engine.scratch_directory()):
            engine.mark_written()
        native_save(self, path, *args, **kwargs)

    DataFrameWriter.saveAsTable = save_as_table  # type: ignore[method-assign]
    DataFrameWriter.insertInto = insert_into  # type: ignore[method-assign]
    DataFrameWriter.save = save  # type: ignore[method-assign]
    DataFrameWriter.jdbc = jdbc  # type: ignore[method-assign]
    DataFrame.writeTo = lambda self, table: TableWriter(self, table)  # type: ignore[method-assign,assignment,return-value]


def _catalog() -> None:
    from pyspark.sql.catalog import Catalog

    from awsglue._runtime.catalog.names import split_identifier
    from awsglue._runtime.catalog.spark_catalog import methods

    for name, method in methods(lambda: services()).items():
        setattr(Catalog, name, method)
    native = Catalog.dropTempView
    Catalog.dropTempView = lambda self, viewName: native(self, split_identifier(viewName)[-1])  # type: ignore
