"""Format "jdbc" on Apache Spark: by the Java driver where there is one, else by the job library's own drivers."""

from __future__ import annotations

from typing import Any

# The drivers that Spark itself would take for a URL.
_DRIVERS = {
    "postgresql": ("org.postgresql.Driver",),
    "mysql": ("com.mysql.cj.jdbc.Driver", "com.mysql.jdbc.Driver"),
    "mariadb": ("org.mariadb.jdbc.Driver",),
    "redshift": ("com.amazon.redshift.Driver", "com.amazon.redshift.jdbc42.Driver"),
    "sqlserver": ("com.microsoft.sqlserver.jdbc.SQLServerDriver",),
    "oracle": ("oracle.jdbc.OracleDriver", "oracle.jdbc.driver.OracleDriver"),
}


def install() -> None:
    """Patch the reader; the writer asks ``ours`` itself."""
    from pyspark.sql.readwriter import DataFrameReader

    from awsglue._runtime.classic import lakes, streams

    named, native_load, native_jdbc = DataFrameReader.format, DataFrameReader.load, DataFrameReader.jdbc

    def keep_format(self: Any, source: str) -> Any:
        self.__dict__["_mastic_format"] = source
        return named(self, source)

    def load(self: Any, path: Any = None, format: Any = None, schema: Any = None, **options: Any) -> Any:
        kept = {**self.__dict__.get("_mastic_options", {}), **options}
        kind = str(format or self.__dict__.get("_mastic_format") or "").lower()
        if lakes.ours(kind):
            given = schema if schema is not None else self.__dict__.get("_mastic_schema")
            return lakes.read(kind, path, kept, given)
        if streams.ours(self._spark, kind):
            from awsglue._streams.queries import read_now

            return read_now(self._spark, kind, kept)
        from awsglue._sources import sparkjdbc

        named = sparkjdbc.options_of(kind, kept)
        if named is None or not ours(self._spark, named):
            return native_load(self, path, format, schema, **options)
        return sparkjdbc.read(self._spark, named, schema=schema)

    def jdbc(
        self: Any,
        url: str,
        table: str,
        column: str | None = None,
        lowerBound: Any = None,
        upperBound: Any = None,
        numPartitions: int | None = None,
        predicates: list[str] | None = None,
        properties: dict[str, str] | None = None,
    ) -> Any:
        from awsglue._sources import sparkjdbc

        bounds = sparkjdbc.bounds(column, lowerBound, upperBound, numPartitions)
        named = {**(properties or {}), "url": url, "dbtable": table}
        kept = {**self.__dict__.get("_mastic_options", {}), **named, **bounds}
        if not ours(self._spark, kept):
            return native_jdbc(
                self, url, table, column, lowerBound, upperBound, numPartitions, predicates, properties
            )
        return sparkjdbc.read(self._spark, kept, predicates)

    DataFrameReader.format = keep_format  # type: ignore[method-assign]
    DataFrameReader.load = load  # type: ignore[method-assign]
    DataFrameReader.jdbc = jdbc  # type: ignore[method-assign]


def write(writer: Any, wanted: Any, mode: Any, more: dict[str, Any]) -> bool:
    """Write by our own driver, where there is no other; False where there is."""
    return _written(writer, {**wanted.options, **more}, mode or wanted.mode)


def _written(writer: Any, options: dict[str, Any], mode: Any) -> bool:
    if not ours(writer._spark, options):
        return False
    from awsglue._sinks import sparkjdbc

    sparkjdbc.write(writer._df, str(mode).lower(), options)
    return True


def saved(
    writer: Any,
    wanted: Any,
    path: Any = None,
    format: Any = None,
    mode: Any = None,
    partitionBy: Any = None,
    **options: Any,
) -> bool:
    """Serve `df.write.save(…)` where Spark itself cannot; whether it was served."""
    from awsglue._runtime.classic import lakes, streams

    kind = str(format or wanted.format).lower()
    if lakes.ours(kind):
        lakes.refuse_buckets(kind, writer.__dict__.get("_mastic", {}))
        lakes.write(kind, request_of(wanted, kind, mode, partitionBy, options), path)
        return True
    if kind == "kafka" and streams.ours(writer._spark, kind):
        from awsglue._streams.queries import write_rows

        write_rows(writer._df, {**wanted.options, **options})
        return True
    from awsglue._sources.sparkjdbc import options_of

    named = options_of(kind, {**wanted.options, **options})
    return named is not None and _written(writer, named, mode or wanted.mode)


def request_of(wanted: Any, kind: str, mode: Any, partitions: Any, options: dict[str, Any]) -> Any:
    """What a writer was told, and what its `save` adds."""
    from dataclasses import replace

    more = [partitions] if isinstance(partitions, str) else list(partitions or wanted.partition_by)
    return replace(
        wanted,
        format=kind,
        mode=str(mode or wanted.mode).lower(),
        partition_by=more,
        options={**wanted.options, **{key: str(value) for key, value in options.items()}},
    )


def ours(spark: Any, options: dict[str, Any]) -> bool:
    """Whether a URL is for a database that we have a driver for and the JVM has none."""
    from py4j.protocol import Py4JJavaError

    from awsglue._sources.sparkjdbc import lowered, vendor_of

    given = lowered(options)
    vendor = vendor_of(str(given.get("url") or ""))
    if not vendor:
        return False
    loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
    wanted = [str(given["driver"])] if given.get("driver") else []
    for name in dict.fromkeys([*wanted, *_DRIVERS[vendor]]):
        try:
            loader.loadClass(name)
        except Py4JJavaError:
            continue
        return False
    return True
