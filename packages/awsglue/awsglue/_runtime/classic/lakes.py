"""Delta and Hudi on Apache Spark: by the operator's jars where they are on the class path, else by the job library."""

from __future__ import annotations

import importlib
import json
import os
import zipfile
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.failures import EngineRefused

KINDS = {"delta": "delta", "hudi": "hudi", "org.apache.hudi": "hudi"}
_CLASSES = {"hudi": "org.apache.hudi.DefaultSource", "delta": "io.delta.sql.DeltaSparkSessionExtension"}
_PACKAGES = {"hudi": "org.apache.hudi:", "delta": "io.delta:"}


def install() -> None:
    """Keep what a reader is told of its schema: `load` hands it to us or to Spark. Streams are refused by name."""
    from pyspark.sql.readwriter import DataFrameReader
    from pyspark.sql.streaming import DataStreamWriter

    from awsglue._runtime.classic import cluster
    from awsglue._runtime.delta import modules

    modules.install(unless=lambda: brought("delta"))
    native = DataFrameReader.schema

    def schema(self: Any, schema: Any) -> Any:
        self.__dict__["_mastic_schema"] = schema
        return native(self, schema)

    DataFrameReader.schema = schema  # type: ignore[method-assign]
    named, start, to_table = DataStreamWriter.format, DataStreamWriter.start, DataStreamWriter.toTable
    operators = any(key.startswith("spark.sql.catalog.") for key in cluster.operators())

    def keep_format(self: Any, source: str) -> Any:
        self.__dict__["_mastic_format"] = source
        return named(self, source)

    def begin(self: Any, path: Any = None, format: Any = None, *args: Any, **options: Any) -> Any:
        refuse_stream(str(format or self.__dict__.get("_mastic_format") or ""), "writing")
        return start(self, path, format, *args, **options)

    def into_table(self: Any, tableName: str, *args: Any, **options: Any) -> Any:
        if not operators:
            # Spark would make a table of its own catalog, which is gone with the run.
            raise EngineRefused("writeStream.toTable()", "write within foreachBatch()")
        return to_table(self, tableName, *args, **options)

    DataStreamWriter.format = keep_format  # type: ignore[method-assign]
    DataStreamWriter.start = begin  # type: ignore[method-assign]
    DataStreamWriter.toTable = into_table  # type: ignore[method-assign]


def loaded(spark: Any, kind: str) -> bool:
    """Whether the JVM has the jars of a format: then its tables at a path are Spark's own business."""
    from py4j.protocol import Py4JJavaError

    loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
    try:
        loader.loadClass(_CLASSES[kind])
    except Py4JJavaError:
        return False
    return True


def brought(kind: str) -> bool:
    """Whether the run brings the jars of a format along; may be asked before there is a JVM."""
    from awsglue._runtime.classic import cluster, jvm

    session = engine.current_session()
    if session is not None:
        return loaded(session, kind)
    conf = {**cluster.operators(), **engine.STATE.conf}
    packages = f"{os.environ.get('MASTIC_SPARK_PACKAGES', '')},{conf.get('spark.jars.packages', '')}"
    if any(one.strip().startswith(_PACKAGES[kind]) for one in packages.split(",")):
        return True
    jars = [*json.loads(os.environ.get("MASTIC_EXTRA_JARS") or "[]"), *conf.get("spark.jars", "").split(",")]
    wanted = _CLASSES[kind].replace(".", "/") + ".class"
    if os.environ.get("MASTIC_SPARK_JARS"):
        jars += jvm.jars()
    return any(_holds(one.strip().removeprefix("file://"), wanted) for one in jars)


def _holds(jar: str, name: str) -> bool:
    """Whether a jar on this machine holds a class."""
    if not zipfile.is_zipfile(jar):
        return False
    with zipfile.ZipFile(jar) as opened:
        return name in opened.namelist()


def ours(kind: str) -> bool:
    """Whether tables of this format are the job library's business here."""
    return kind in KINDS and not engine.services().knows(KINDS[kind])


def refuse_stream(kind: str, doing: str) -> None:
    """Raise EngineRefused for streams of a format that only its jars can stream."""
    if ours(kind.lower()):
        name = KINDS[kind.lower()].capitalize()
        raise EngineRefused(
            f"{doing} a stream of a {name} table", f"jars of {name} in --extra-jars serve it on Apache Spark"
        )


def read(kind: str, path: Any, options: dict[str, Any], schema: Any) -> Any:
    """`spark.read.format("delta" | "hudi").load(path)`. Raises EngineRefused for a schema that is not the table's."""
    services = engine.services()
    given = {key: str(value) for key, value in options.items() if key.lower() != "path"}
    named = next((value for key, value in options.items() if key.lower() == "path"), "")
    paths = [path] if isinstance(path, str) else list(path or [named])
    if len(paths) != 1:
        raise EngineRefused(f"reading {len(paths)} paths as one {KINDS[kind].capitalize()} table")
    frame = _lake(kind).frame(services, str(paths[0]), given)
    if schema is not None:
        wanted = services.parse_ddl(schema) if isinstance(schema, str) else schema
        if wanted.simpleString() != frame.schema.simpleString():
            raise EngineRefused(f"a schema given to the reader of a {KINDS[kind].capitalize()} table")
    return frame


def _lake(kind: str) -> Any:
    name = "awsglue._runtime.delta.catalog" if kind == "delta" else "awsglue._runtime.hudi.lake"
    return importlib.import_module(name)


def refuse_buckets(kind: str, told: dict[str, Any]) -> None:
    """Raise EngineRefused for a writer that was told of buckets, which neither format has."""
    if kind in KINDS and "buckets" in told:
        raise EngineRefused(f"bucketBy() on a {KINDS[kind].capitalize()} table")


def write(kind: str, request: Any, path: Any) -> None:
    """`df.write.format("delta" | "hudi").save(path)`."""
    from pyspark.errors import IllegalArgumentException

    target = path or next((value for key, value in request.options.items() if key.lower() == "path"), None)
    if not target:
        raise IllegalArgumentException("Expected exactly one path to be specified, but got: ")
    if kind == "delta":
        from awsglue._runtime.delta import saving

        saving.save(engine.services(), str(target), request)
        return
    from awsglue._runtime.hudi import saving as hudi_saving

    hudi_saving.save(engine.services(), str(target), request)
