"""`spark.read` of format "jdbc" by the drivers that the job library has itself, where no Java driver is at hand.

The rows are read when the frame is made, by the embedded engine when an action needs them, and then only the columns
and rows that it may mean. Options that only say how fast a driver works change nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from awsglue._sources.connections import Address, address
from awsglue._sources.databases import database
from awsglue._sources.jdbc import Slice, fetch

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

VENDORS = ("postgresql", "mysql", "mariadb", "redshift", "sqlserver", "oracle")
# Spark's own options; every other one is a property of the connection.
_SPARK = frozenset(
    "url dbtable query user password driver fetchsize batchsize querytimeout partitioncolumn lowerbound upperbound "
    "numpartitions customschema sessioninitstatement preparequery pushdownpredicate pushdownaggregate pushdownlimit "
    "pushdownoffset pushdowntablesample isolationlevel truncate cascadetruncate createtableoptions "
    "createtablecolumntypes connectionprovider prefertimestampntz hint".split()
)
# Redshift's connector for Spark, by the names that it has had: here its rows travel over the connection.
_REDSHIFT = frozenset(
    {"redshift", "com.databricks.spark.redshift", "io.github.spark_redshift_community.spark.redshift"}
)
_OF_REDSHIFT = ("url", "dbtable", "query", "user", "password")
_REFUSED = ("sessioninitstatement", "preparequery", "connectionprovider", "hint", "prefertimestampntz")


def vendor_of(url: str) -> str:
    """The database that a JDBC URL is for; "" for what the job library has no driver for."""
    named = url.split(":", 2)[1].lower() if url.startswith("jdbc:") and url.count(":") > 1 else ""
    return named if named in VENDORS else ""


def options_of(kind: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The options of a read or write in this format, None where it is no database's. Raises NotImplementedError."""
    if kind == "jdbc":
        return dict(given)
    if kind not in _REDSHIFT:
        return None
    options = lowered(given)
    for name in ("preactions", "postactions"):
        if options.get(name):
            raise NotImplementedError(
                f"option {name!r} of format {kind!r} is not served: write a DynamicFrame with "
                "connection_type='redshift', which has it"
            )
    return {name: options[name] for name in _OF_REDSHIFT if options.get(name)}


def read(
    spark: SparkSession, given: Mapping[str, Any], predicates: list[str] | None = None, schema: Any = None
) -> DataFrame:
    """A table or query as a DataFrame. Raises AnalysisException, IllegalArgumentException and
    NotImplementedError."""
    from pyspark.errors import AnalysisException

    options = lowered(given)
    if schema:
        raise illegal("The user-specified schema is not allowed for the JDBC source: use customSchema.")
    refuse(options, _REFUSED)
    own = database(where(options))
    base = _base(options)
    with own.connect() as connection:
        found = own.schema(connection, base)
    names = [field.name for field in found.fields]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise AnalysisException(f"[COLUMN_ALREADY_EXISTS] The column `{repeated[0]}` already exists.")
    if options.get("partitioncolumn"):
        options["partitioncolumn"] = own.quote(_column(str(options["partitioncolumn"]), found.fields))
    df = fetch(own, _slices(base, options, predicates), found, spark).df
    if options.get("customschema"):
        df = _customised(df, spark, str(options["customschema"]))
    return df


def bounds(column: str | None, lower: Any, upper: Any, count: int | None) -> dict[str, Any]:
    """The options that the parameters of `spark.read.jdbc` stand for."""
    named = {"partitionColumn": column, "lowerBound": lower, "upperBound": upper, "numPartitions": count}
    return {key: value for key, value in named.items() if value is not None} if column else {}


def lowered(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options by names that do not tell cases apart, without those that are not set."""
    return {key.lower(): value for key, value in given.items() if value is not None}


def refuse(options: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Raise NotImplementedError for options that change the answer and are not served."""
    for name in names:
        if str(options.get(name) or "false").lower() != "false":
            raise NotImplementedError(
                f"the JDBC option {name} is not implemented without a Java driver: give one in --extra-jars"
            )


def where(options: Mapping[str, Any]) -> Address:
    """The address that the options name. Raises IllegalArgumentException."""
    if not options.get("url"):
        raise illegal("Option 'url' is required.")
    found = address(str(options["url"]), str(options.get("user") or ""), str(options.get("password") or ""))
    more = tuple((key, str(value)) for key, value in options.items() if key not in _SPARK)
    return replace(found, parameters=(*found.parameters, *more))


def illegal(message: str) -> Exception:
    """The exception that Spark raises for wrong options."""
    from pyspark.errors import IllegalArgumentException

    return IllegalArgumentException(message)


def _base(options: Mapping[str, Any]) -> str:
    table, query = options.get("dbtable"), options.get("query")
    if table and query:
        raise illegal("Both `dbtable` and `query` can not be specified at the same time.")
    if query and options.get("partitioncolumn"):
        raise illegal(
            "Options 'query' and 'partitionColumn' can not be specified together: use dbtable with a subquery."
        )
    if not table and not query:
        raise illegal("Option `dbtable` or `query` is required.")
    return (
        f"select * from {table}" if table else f"select * from ({str(query).rstrip().rstrip(';')}) spark_gen"
    )


def _column(name: str, fields: Any) -> str:
    """A column in the table's own spelling. Raises AnalysisException."""
    from pyspark.errors import AnalysisException

    bare = name.strip('"`')
    for field in fields:
        if field.name.lower() == bare.lower():
            return str(field.name)
    raise AnalysisException(f"User-defined partition column {name} not found in the JDBC relation.")


def _slices(base: str, options: Mapping[str, Any], predicates: list[str] | None) -> list[Slice]:
    """The queries that together give the rows once: by the caller's predicates, or in strides of a number."""
    if predicates is not None:
        if not predicates:
            return [Slice(query=f"{base} where 1 = 0")]
        return [Slice(query=f"{base} where {one}") for one in predicates]
    column = options.get("partitioncolumn")
    bounds = [options.get(name) for name in ("lowerbound", "upperbound", "numpartitions")]
    if not column:
        return [Slice(query=base)]
    if None in bounds:
        raise illegal(
            "When reading JDBC data sources, users need to specify all or none for the following options: "
            "'partitionColumn', 'lowerBound', 'upperBound', and 'numPartitions'"
        )
    try:
        low, high, count = (int(str(one)) for one in bounds)
    except ValueError:
        return [Slice(query=base)]  # by dates and times: the same rows, in one query
    if low > high:
        raise illegal(
            "Operation not allowed: the lower bound of partitioning column is larger than the upper bound. "
            f"{low} > {high}"
        )
    count = max(1, min(count, high - low))
    edges = [low + (high - low) * number // count for number in range(1, count)]
    if not edges:
        return [Slice(query=base)]
    found = [f"{column} < {edges[0]} or {column} is null"]
    found += [f"{column} >= {a} and {column} < {b}" for a, b in itertools.pairwise(edges)]
    return [Slice(query=f"{base} where {one}") for one in [*found, f"{column} >= {edges[-1]}"]]


def _customised(df: DataFrame, spark: SparkSession, ddl: str) -> DataFrame:
    from pyspark.sql import functions as f
    from pyspark.sql.types import _parse_datatype_string  # needs the session that there is

    wanted = {field.name.lower(): field.dataType for field in _parse_datatype_string(ddl).fields}
    return df.select(
        *(
            f.col(f"`{name}`").cast(wanted[name.lower()]).alias(name)
            if name.lower() in wanted
            else f.col(f"`{name}`")
            for name in df.columns
        )
    )
