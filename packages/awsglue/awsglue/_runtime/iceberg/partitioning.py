"""PARTITIONED BY of Iceberg tables: transforms from DataFrame columns and from SQL, to a PartitionSpec."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_FUNCTIONS = {
    "years": "year",
    "year": "year",
    "months": "month",
    "month": "month",
    "days": "day",
    "day": "day",
    "date": "day",
    "hours": "hour",
    "hour": "hour",
    "date_hour": "hour",
    "bucket": "bucket",
    "truncate": "truncate",
    "identity": "identity",
}


@dataclass(frozen=True, kw_only=True)
class PartitionField:
    """One partition field: a transform of a column, with a width for bucket and truncate."""

    transform: str
    column: str
    width: int | None = None


def from_column(column: Any) -> PartitionField:
    """A DataFrame column (`F.days("ts")`, `F.bucket(16, "id")`, `"region"`)."""
    if isinstance(column, PartitionField):
        return column
    from awsglue._runtime import engine

    expression = column.to_plan(engine.get_or_create_session().client)  # type: ignore[attr-defined]
    if expression.HasField("unresolved_attribute"):
        return PartitionField(
            transform="identity", column=_bare(expression.unresolved_attribute.unparsed_identifier)
        )
    function = expression.unresolved_function
    return _field(function.function_name, [_argument(item) for item in function.arguments])


def from_sql(transform: Any) -> PartitionField:
    """A sqlglot expression of a PARTITIONED BY list."""
    from sqlglot import exp

    if isinstance(transform, (exp.Identifier, exp.Column)):
        return PartitionField(transform="identity", column=transform.name)
    if isinstance(transform, exp.ColumnDef):
        return PartitionField(transform="identity", column=transform.name)
    text = transform.sql(dialect="spark")
    match = re.fullmatch(r"(\w+)\((.*)\)", text, re.DOTALL)
    if match is None:
        raise _unknown(text)
    arguments = [part.strip().strip("`") for part in match[2].split(",")]
    return _field(match[1], arguments)


def _field(name: str, arguments: list[str]) -> PartitionField:
    kind = _FUNCTIONS.get(name.lower().removeprefix("partitiontransform_"))
    if kind is None:
        raise _unknown(name)
    width = next((int(item) for item in arguments if item.isdigit()), None)
    column = next((item for item in arguments if not item.isdigit()), None)
    if column is None or (kind in ("bucket", "truncate")) != (width is not None):
        raise _unknown(f"{name}({', '.join(arguments)})")
    return PartitionField(transform=kind, column=column, width=width)


def _argument(expression: Any) -> str:
    if expression.HasField("literal"):
        literal = expression.literal
        return str(getattr(literal, literal.WhichOneof("literal_type")))
    return _bare(expression.unresolved_attribute.unparsed_identifier)


def _bare(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") and name.endswith("`") else name


def _unknown(text: str) -> Exception:
    from pyspark.errors import AnalysisException

    return AnalysisException(f"Unsupported partition transform: {text}")


def spec(schema: Any, fields: list[PartitionField]) -> Any:
    """PartitionSpec over an Iceberg schema. Raises AnalysisException for an unknown column."""
    from pyiceberg import transforms as t
    from pyiceberg.partitioning import PARTITION_FIELD_ID_START, PartitionSpec
    from pyiceberg.partitioning import PartitionField as IcebergField
    from pyspark.errors import AnalysisException

    made = []
    for position, item in enumerate(fields):
        try:
            source = schema.find_field(item.column, case_sensitive=False)
        except ValueError:
            raise AnalysisException(f"Cannot find column {item.column!r} to partition by") from None
        transform: Any = {
            "identity": t.IdentityTransform(),
            "year": t.YearTransform(),
            "month": t.MonthTransform(),
            "day": t.DayTransform(),
            "hour": t.HourTransform(),
        }.get(item.transform)
        suffix = {"identity": "", "truncate": "_trunc"}.get(item.transform, f"_{item.transform}")
        if item.transform == "bucket":
            transform = t.BucketTransform(item.width or 0)
        elif item.transform == "truncate":
            transform = t.TruncateTransform(item.width or 0)
        made.append(
            IcebergField(
                source_id=source.field_id,
                field_id=PARTITION_FIELD_ID_START + position,
                transform=transform,
                name=source.name + suffix,
            )
        )
    return PartitionSpec(*made)


def check_values(metadata: Any, rows: Any) -> None:
    """Raises EngineRefused for NaN and -0.0 in a column that partitions by its very value.

    The writer finds a partition's rows by comparing: NaN equals nothing, and -0.0 equals 0.0, which is another
    partition.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyiceberg.io.pyarrow import _get_field_from_arrow_table

    from awsglue._runtime.failures import EngineRefused

    schema = metadata.schema()
    for field in metadata.spec().fields:
        if str(field.transform) != "identity":
            continue
        column = _get_field_from_arrow_table(rows, schema.find_column_name(field.source_id))
        if not pa.types.is_floating(column.type):
            continue
        negative = pc.and_(
            pc.equal(column, 0), pc.equal(pc.sign(pc.divide(pa.scalar(1.0, column.type), column)), -1)
        )
        if pc.any(pc.or_kleene(pc.is_nan(column), negative)).as_py():
            raise EngineRefused(f"NaN or -0.0 in {field.name}, by which an Iceberg table is partitioned")
