"""Hive's table definitions to and from the catalog's shape. Pure functions; owns no state."""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

from mastic.athena.failures import QueryFailure, not_supported
from mastic.athena.relations import partition_path

_HIVE = "org.apache.hadoop.hive."
_FORMATS: dict[str, tuple[str, str, str]] = {
    "TEXTFILE": (
        "org.apache.hadoop.mapred.TextInputFormat",
        f"{_HIVE}ql.io.HiveIgnoreKeyTextOutputFormat",
        f"{_HIVE}serde2.lazy.LazySimpleSerDe",
    ),
    "PARQUET": (
        f"{_HIVE}ql.io.parquet.MapredParquetInputFormat",
        f"{_HIVE}ql.io.parquet.MapredParquetOutputFormat",
        f"{_HIVE}ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "ORC": (
        f"{_HIVE}ql.io.orc.OrcInputFormat",
        f"{_HIVE}ql.io.orc.OrcOutputFormat",
        f"{_HIVE}ql.io.orc.OrcSerde",
    ),
    "AVRO": (
        f"{_HIVE}ql.io.avro.AvroContainerInputFormat",
        f"{_HIVE}ql.io.avro.AvroContainerOutputFormat",
        f"{_HIVE}serde2.avro.AvroSerDe",
    ),
    "JSON": (
        "org.apache.hadoop.mapred.TextInputFormat",
        f"{_HIVE}ql.io.HiveIgnoreKeyTextOutputFormat",
        "org.openx.data.jsonserde.JsonSerDe",
    ),
}
# The members of a table that can be given back when it is updated.
TABLE_INPUT = frozenset(
    """Name Description Owner LastAccessTime LastAnalyzedTime Retention StorageDescriptor PartitionKeys
    ViewOriginalText ViewExpandedText TableType Parameters TargetTable""".split()
)
_CLASSES = {"PARQUET": "parquet", "ORC": "orc", "AVRO": "avro", "JSON": "json", "TEXTFILE": "csv"}
_PAIR = re.compile(r"\s*'((?:[^']|'')*)'\s*=\s*'((?:[^']|'')*)'\s*,?")


def properties(text: str) -> dict[str, str]:
    """``'a'='b', 'c'='d'`` as a mapping. Raises QueryFailure."""
    found, position = {}, 0
    while position < len(text.rstrip()):
        match = _PAIR.match(text, position)
        if match is None:
            raise QueryFailure(f"SYNTAX_ERROR: properties are 'key'='value' pairs, not {text[position:]!r}")
        found[match[1].replace("''", "'")] = match[2].replace("''", "'")
        position = match.end()
    return found


def storage_descriptor(format: str, location: str, columns: list[dict[str, str]]) -> dict[str, Any]:
    """A descriptor of one of Hive's formats."""
    if format not in _FORMATS:
        raise not_supported(f"the format {format}")
    reads, writes, serde = _FORMATS[format]
    return {
        "Columns": columns,
        "Location": location,
        "InputFormat": reads,
        "OutputFormat": writes,
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SerdeInfo": {"SerializationLibrary": serde, "Parameters": {"serialization.format": "1"}},
        "BucketColumns": [],
        "SortColumns": [],
        "StoredAsSubDirectories": False,
    }


def classification(format: str) -> str:
    """Glue's word for a format."""
    return _CLASSES[format]


def table_input(tree: exp.Expr, default_database: str) -> tuple[str, dict[str, Any]]:
    """The database and the TableInput of a CREATE TABLE. Raises QueryFailure."""
    schema = tree.this
    if not isinstance(schema, exp.Schema):
        raise QueryFailure("SYNTAX_ERROR: CREATE TABLE needs columns")
    found = {type(p): p for p in _properties(tree)}
    parameters = parameters_of(tree)
    if exp.ExternalProperty not in found:
        raise QueryFailure(
            "FAILED: SemanticException [Error 10302]: operation not supported: CREATE TABLE without EXTERNAL"
        )
    where = found.get(exp.LocationProperty)
    if where is None:
        raise QueryFailure("FAILED: SemanticException: CREATE EXTERNAL TABLE needs a LOCATION")
    descriptor = storage_descriptor(
        _format(found), where.this.name, [column_of_node(c) for c in schema.expressions]
    )
    _apply_formats(descriptor, found)
    given: dict[str, Any] = {
        "Name": schema.this.name.lower(),
        "Owner": "hadoop",
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **parameters},
        "StorageDescriptor": descriptor,
        "PartitionKeys": [],
    }
    if exp.PartitionedByProperty in found:
        given["PartitionKeys"] = [
            column_of_node(c) for c in found[exp.PartitionedByProperty].this.expressions
        ]
    if exp.SchemaCommentProperty in found:
        given["Parameters"]["comment"] = found[exp.SchemaCommentProperty].this.name
    return schema.this.text("db").lower() or default_database, given


def _properties(tree: exp.Expr) -> list[exp.Expr]:
    holder = tree.args.get("properties")
    return list(holder.expressions) if holder is not None else []


def parameters_of(tree: exp.Expr) -> dict[str, str]:
    """The TBLPROPERTIES of a CREATE TABLE."""
    return {p.this.name: p.args["value"].name for p in _properties(tree) if type(p) is exp.Property}


def _format(found: dict[type, exp.Expr]) -> str:
    stored = found.get(exp.FileFormatProperty)
    if stored is None or isinstance(stored.this, exp.InputOutputFormat):
        return "TEXTFILE"
    return str(stored.this.name).upper()


def _apply_formats(descriptor: dict[str, Any], found: dict[type, exp.Expr]) -> None:
    stored = found.get(exp.FileFormatProperty)
    if stored is not None and isinstance(stored.this, exp.InputOutputFormat):
        descriptor["InputFormat"] = stored.this.args["input_format"].name
        descriptor["OutputFormat"] = stored.this.args["output_format"].name
    serde = found.get(exp.RowFormatSerdeProperty)
    if serde is not None:
        given = serde.args.get("serde_properties")
        pairs = {p.this.name: p.args["value"].name for p in given.expressions} if given is not None else {}
        descriptor["SerdeInfo"] = {
            "SerializationLibrary": serde.this.name,
            "Parameters": {"serialization.format": "1", **pairs},
        }
    delimited = found.get(exp.RowFormatDelimitedProperty)
    if delimited is not None:
        pairs = descriptor["SerdeInfo"]["Parameters"]
        for key, name in (
            ("fields", "field.delim"),
            ("escaped", "escape.delim"),
            ("null", "serialization.null.format"),
        ):
            if delimited.args.get(key) is not None:
                pairs[name] = delimited.args[key].name
        if "field.delim" in pairs:
            pairs["serialization.format"] = pairs["field.delim"]
    buckets = found.get(exp.ClusteredByProperty)
    if buckets is not None:
        descriptor["BucketColumns"] = [c.name.lower() for c in buckets.expressions]
        descriptor["NumberOfBuckets"] = int(buckets.args["buckets"].name)


def column_of_node(node: exp.Expr) -> dict[str, str]:
    """The catalog's column of a definition in a statement. Raises QueryFailure."""
    if not isinstance(node, exp.ColumnDef) or node.kind is None:
        raise QueryFailure(f"SYNTAX_ERROR: a column needs a name and a type: {node.sql(dialect='hive')}")
    column = {"Name": node.name.lower(), "Type": hive_type(node.kind)}
    for constraint in node.find_all(exp.CommentColumnConstraint):
        column["Comment"] = constraint.this.name
    return column


def hive_type(kind: exp.DataType) -> str:
    """The catalog's text of a type."""
    text = kind.sql(dialect="hive").lower()
    return re.sub(r"\s*([<>:,()])\s*", r"\1", text)


# -- ALTER TABLE -----------------------------------------------------------------------------------


def alter_table(table: dict[str, Any], actions: list[exp.Expr]) -> dict[str, Any]:
    """The TableInput after the actions. Raises QueryFailure for an action that is not done here."""
    given = {k: v for k, v in table.items() if k in TABLE_INPUT}
    descriptor = given["StorageDescriptor"] = dict(given.get("StorageDescriptor") or {})
    columns = [dict(c) for c in descriptor.get("Columns", ())]
    for action in actions:
        match action:
            case exp.Schema():
                columns += [column_of_node(c) for c in action.expressions]
            case exp.ColumnDef():
                columns.append(column_of_node(action))
            case exp.ReplaceColumns():
                columns = [column_of_node(c) for c in action.expressions]
            case exp.AlterColumn():
                columns = [_changed(c, action) for c in columns]
            case exp.AlterSet() if action.args.get("location") is not None:
                descriptor["Location"] = action.args["location"].name
            case exp.AlterSet():
                pairs = {p.this.name: p.args["value"].name for p in action.find_all(exp.Property)}
                given["Parameters"] = {**(given.get("Parameters") or {}), **pairs}
            case _:
                raise not_supported(f"ALTER TABLE … {action.sql(dialect='hive')}")
    doubled = {c["Name"] for c in columns if sum(d["Name"] == c["Name"] for d in columns) > 1}
    if doubled:
        raise QueryFailure(f"FAILED: SemanticException Duplicate column name: {min(doubled)}")
    descriptor["Columns"] = columns
    return given


def _changed(column: dict[str, str], action: exp.Expr) -> dict[str, str]:
    if column["Name"] != action.this.name.lower():
        return column
    renamed = action.args.get("rename_to")
    kind = action.args.get("dtype")
    return {
        **column,
        **({"Name": renamed.name.lower()} if renamed is not None else {}),
        **({"Type": hive_type(kind)} if kind is not None else {}),
    }


_PARTITION = re.compile(r"\s*,?\s*PARTITION\s*\(([^)]*)\)(?:\s*LOCATION\s*'([^']*)')?", re.I)
_ASSIGNMENT = re.compile(r"\s*[`\"]?([\w-]+)[`\"]?\s*=\s*(?:'((?:[^']|'')*)'|([^\s,]+))\s*(?:,|$)")


def partition_specs(text: str, keys: list[str]) -> list[tuple[list[str], str]]:
    """``PARTITION (a='1', b=2) LOCATION 's3://…' …`` as (values in key order, location). Raises QueryFailure."""
    found, position = [], 0
    while position < len(text.rstrip()):
        match = _PARTITION.match(text, position)
        if match is None:
            raise QueryFailure(f"SYNTAX_ERROR: mismatched input {text[position:]!r}, expecting PARTITION (…)")
        values = {
            m[1].lower(): m[2].replace("''", "'") if m[2] is not None else m[3]
            for m in _ASSIGNMENT.finditer(match[1])
        }
        if set(values) != set(keys):
            raise QueryFailure(
                f"FAILED: SemanticException the partition keys are {keys}, not {sorted(values)}"
            )
        found.append(([values[k] for k in keys], match[2] or ""))
        position = match.end()
    return found


# -- SHOW CREATE TABLE -----------------------------------------------------------------------------


def create_table_text(table: dict[str, Any]) -> str:
    """The statement that makes the table, as SHOW CREATE TABLE prints it."""
    descriptor = table.get("StorageDescriptor") or {}
    serde = descriptor.get("SerdeInfo") or {}
    lines = [f"CREATE EXTERNAL TABLE `{table['DatabaseName']}.{table['Name']}`("]
    lines += _column_lines(descriptor.get("Columns") or [])
    keys = table.get("PartitionKeys") or []
    if keys:
        lines += ["PARTITIONED BY ( ", *_column_lines(keys)]
    lines += ["ROW FORMAT SERDE ", f"  '{serde.get('SerializationLibrary', '')}' "]
    pairs = serde.get("Parameters") or {}
    if pairs:
        lines += ["WITH SERDEPROPERTIES ( ", *_pair_lines(pairs)]
    lines += ["STORED AS INPUTFORMAT ", f"  '{descriptor.get('InputFormat', '')}' "]
    lines += ["OUTPUTFORMAT ", f"  '{descriptor.get('OutputFormat', '')}'"]
    lines += ["LOCATION", f"  '{descriptor.get('Location', '')}'"]
    shown = {k: v for k, v in (table.get("Parameters") or {}).items() if k != "EXTERNAL"}
    if shown:
        lines += ["TBLPROPERTIES (", *_pair_lines(shown)]
    return "\n".join(lines)


def _column_lines(columns: list[dict[str, str]]) -> list[str]:
    texts = []
    for column in columns:
        comment = f" COMMENT '{column['Comment']}'" if column.get("Comment") else ""
        texts.append(f"  `{column['Name']}` {column.get('Type', '')}{comment}")
    return [t + (", " if i < len(texts) - 1 else ")") for i, t in enumerate(texts)]


def _pair_lines(pairs: dict[str, str]) -> list[str]:
    texts = [f"  '{k}'='{v}'" for k, v in sorted(pairs.items())]
    return [t + (", " if i < len(texts) - 1 else ")") for i, t in enumerate(texts)]


def location_of(base: str, keys: list[str], values: list[str]) -> str:
    """Where a new partition's files go."""
    return f"{base.rstrip('/')}/{partition_path(keys, values)}/"
