"""Record keys and partition paths as Hudi's key generators make them, for whole columns."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi import timestamps
from awsglue._runtime.hudi.errors import HoodieException, HoodieKeyException
from awsglue._runtime.hudi.properties import TableConfig
from awsglue._runtime.io.partitions import NULL_PARTITION, escape

NULL = "__null__"
EMPTY = "__empty__"


def record_keys(rows: Any, config: TableConfig, instant: str) -> Any:
    """The key of every row of an Arrow table. Raises HoodieKeyException for rows without one.

    Fields without a key among the settings: keys are made of the instant and the row's number.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = config.record_keys
    if not fields:
        return pa.array([f"{instant}_0_{number}" for number in range(rows.num_rows)], pa.string())
    columns = [_texts(_column(rows, name), name, "record key") for name in fields]
    if len(fields) == 1:
        missing = pc.or_kleene(pc.is_null(columns[0]), pc.equal(columns[0], ""))
        if pc.any(missing).as_py():
            raise HoodieKeyException(
                f'recordKey value: "null" for field: "{fields[0]}" cannot be null or empty.'
            )
        if not config.named_keys:
            return columns[0]
        return pc.binary_join_element_wise(pa.scalar(fields[0]), columns[0], ":")
    parts, nothing = [], None
    for name, column in zip(fields, columns, strict=True):
        empty = pc.or_kleene(pc.is_null(column), pc.equal(column, ""))
        nothing = empty if nothing is None else pc.and_(nothing, empty)
        said = pc.fill_null(pc.if_else(pc.equal(column, ""), EMPTY, column), NULL)
        parts.append(pc.binary_join_element_wise(pa.scalar(name), said, ":"))
    if pc.any(nothing).as_py():
        raise HoodieKeyException(
            f'recordKey values: "{",".join(fields)}" for fields: {fields} cannot be entirely null or empty.'
        )
    return pc.binary_join_element_wise(*parts, ",")


def partition_paths(rows: Any, config: TableConfig) -> Any:
    """The partition path of every row; the empty path for tables without partitions.

    Raises HoodieException for values that do not name a folder in the table.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    fields = config.partition_fields
    if not fields:
        return pa.array([""] * rows.num_rows, pa.string())
    parts = []
    for name in fields:
        column = _column(rows, name)
        if name in config.time_fields:
            made, missing = _times(column, name, config)
        else:
            made, missing = _texts(column, name, "partition path"), None
        column = made.dictionary_encode()
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        folders = pa.array(
            [_folder(name, value, config) for value in column.dictionary.to_pylist()], pa.string()
        )
        parts.append(pc.fill_null(folders.take(column.indices), _folder(name, missing, config)))
    return parts[0] if len(parts) == 1 else pc.binary_join_element_wise(*parts, "/")


def _times(column: Any, name: str, config: TableConfig) -> tuple[Any, str]:
    """(what the folders of these points in time are called, that of a row without one)."""
    import pyarrow as pa

    kind = column.type
    plain = pa.types.is_string(kind) or pa.types.is_integer(kind)
    if not (plain or pa.types.is_decimal(kind) or pa.types.is_floating(kind)):
        raise EngineRefused(
            f"column {name} of type {kind} as a point in time of a Hudi table", "cast it to bigint"
        )
    made = timestamps.rules(config.entries)
    coded = column.dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    texts = pa.array([made.folder(value) for value in coded.dictionary.to_pylist()], pa.string())
    return texts.take(coded.indices), made.folder(None)


def _folder(name: str, value: str | None, config: TableConfig) -> str:
    text = value or NULL_PARTITION
    text = escape(text) if config.url_encode else text
    folder = f"{name}={text}" if config.hive_style else text
    steps = folder.split("/")
    if steps[0] == ".hoodie" or any(step in ("", ".", "..") for step in steps):
        # A folder outside of the table, or one that has two names.
        raise HoodieException(f"value {value!r} of column {name} cannot be a partition path")
    return folder


def partition_values(path: str, config: TableConfig) -> list[str]:
    """The values that a partition path holds, one for each partition field. Raises HoodieException."""
    from awsglue._runtime.io.partitions import unescape

    fields = config.partition_fields
    folders = [path] if len(fields) == 1 else path.split("/")
    if len(folders) != len(fields):
        raise HoodieException(f"partition path {path!r} does not hold one value for each of {fields}")
    values = []
    for name, folder in zip(fields, folders, strict=True):
        text = folder.removeprefix(f"{name}=") if config.hive_style else folder
        values.append(unescape(text) if config.url_encode else text)
    return values


def _column(rows: Any, name: str) -> Any:
    found = [item for item in rows.schema.names if item == name]
    if not found:
        raise HoodieKeyException(
            f"{name}(Part -{name}) field not found in record. Acceptable fields were :{rows.schema.names}"
        )
    column = rows.column(name)
    return column.combine_chunks() if hasattr(column, "combine_chunks") else column


def _texts(column: Any, name: str, what: str) -> Any:
    """A column's values as Java's toString writes them. Raises EngineRefused for types where that is not plain."""
    import pyarrow as pa

    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
    if pa.types.is_string(kind):
        return column
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        return column.cast(pa.string())
    if pa.types.is_decimal(kind):
        return pa.array([None if one is None else str(one) for one in column.to_pylist()], pa.string())
    raise EngineRefused(f"column {name} of type {kind} as {what} of a Hudi table", "cast it to string")
