"""DELETE, UPDATE, MERGE and replaceWhere on Delta tables: files with rows that change are written anew.

Each function computes from one version of a table what `writing.change` commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from awsglue._frames.encoding import quote
from awsglue._runtime.delta import fitting, lake
from awsglue._runtime.delta.writing import Change
from awsglue._runtime.io.storage import shown

FILE = "__mastic_file"
HERE = "__mastic_t"
THERE = "__mastic_s"
ROW = "__mastic_row"


@dataclass(frozen=True, kw_only=True)
class Clause:
    """One WHEN of a MERGE. `kind` is matched, inserted (not matched) or unsourced (not matched by source).

    Conditions and values are Columns or SQL texts.
    """

    kind: str
    action: str
    condition: Any = None
    assignments: dict[str, Any] = field(default_factory=dict)
    star: bool = False


def clauses(parsed: Iterable[Any]) -> list[Clause]:
    """The WHENs of a MERGE statement."""
    return [
        Clause(
            kind=one.kind,
            action=one.action,
            condition=one.condition,
            assignments=dict(one.assignments),
            star=one.star,
        )
        for one in parsed
    ]


def column(value: Any) -> Any:
    """A Column, or an SQL text, as a Column."""
    from pyspark.sql import functions as fn

    return fn.expr(value) if isinstance(value, str) else value


def holds(condition: Any) -> Any:
    """A condition that is false where it is unknown; true where there is none."""
    from pyspark.sql import functions as fn

    return fn.lit(True) if always(condition) else fn.coalesce(column(condition), fn.lit(False))


def _target(services: Any, table: Any, only: set[str] | None = None) -> tuple[Any, dict[str, str]]:
    """(the table's rows with their file's shown name, {shown name: path})."""
    scan = lake.scan(services, table)
    if only is not None:
        scan.files = [file for file in scan.files if file.path in only]
    return services.frame_with_file(scan, FILE), {shown(file.path): file.path for file in scan.files}


def _touched(frame: Any, names: dict[str, str]) -> set[str]:
    return {names[row[0]] for row in frame.select(FILE).distinct().collect()}


def _part(services: Any, table: Any, touched: set[str]) -> Any:
    return _target(services, table, touched)[0]


def delete(services: Any, table: Any, alias: str, condition: Any) -> Change | None:
    """Rows for which the condition is true go."""
    if always(condition):
        gone = {file.path for file in lake.files(table)}
        return (gone, None) if gone else None
    target, names = _target(services, table)
    touched = _touched(target.alias(alias).filter(holds(condition)), names)
    if not touched:
        return None
    rest = _part(services, table, touched).alias(alias).filter(~holds(condition)).drop(FILE)
    return touched, rest


def replaced(services: Any, table: Any, condition: str, frame: Any) -> Change:
    """Rows for which the condition is true go, the frame's rows come."""
    found = delete(services, table, "target", condition)
    if found is None:
        return set(), frame
    return found[0], found[1].unionByName(frame)


def update(services: Any, table: Any, alias: str, condition: Any, changes: dict[str, Any]) -> Change | None:
    """Rows for which the condition is true get new values."""
    from pyspark.sql import functions as fn

    schema = lake.struct(table)
    new = resolved(schema, changes)
    target, names = _target(services, table)
    touched = _touched(target.alias(alias).filter(holds(condition)), names)
    if not touched:
        return None
    part = _part(services, table, touched).alias(alias)
    values = typed(part, schema, new)
    columns = []
    for item in schema.fields:
        old = fn.col(quote(alias, item.name))
        if item.name in values:
            old = fn.when(holds(condition), values[item.name]).otherwise(old)
        columns.append(old.alias(item.name))
    return touched, part.select(*columns)


def merge(
    services: Any,
    table: Any,
    alias: str,
    source: Any,
    source_alias: str,
    condition: Any,
    clauses: list[Clause],
) -> Change | None:
    """MERGE INTO. Raises DeltaUnsupportedOperation when a target row meets several source rows."""
    from pyspark.sql import functions as fn

    schema = lake.struct(table)
    target, names = _target(services, table)
    right = source.withColumn(THERE, fn.lit(True)).alias(source_alias)
    kinds = {clause.kind for clause in clauses}
    if kinds == {"inserted"}:
        # Inserts only: nothing is written anew, but all rows decide what is new.
        new = right.join(target.alias(alias), column(condition), "left_anti")
        return set(), _inserted(new, schema, source_alias, clauses)
    touched = set(names.values())
    if "unsourced" not in kinds:
        touched = _touched(target.alias(alias).join(right, column(condition), "left_semi"), names)
    part = _part(services, table, touched).withColumn(HERE, fn.lit(True))
    _check_cardinality(part, alias, right, condition, clauses)
    on, how = column(condition), "full_outer"
    if kinds == {"matched"}:
        # Source rows for which no clause acts are as if they were not there: they make no second row.
        on, how = on & _acting(clauses), "left"
    joined = part.alias(alias).join(right, on, how)
    # A source row is new when no row of the table meets it; all rows that meet one are in the touched files.
    return touched, _merged(joined, schema, alias, source_alias, clauses)


def _merged(joined: Any, schema: Any, alias: str, source_alias: str, clauses: list[Clause]) -> Any:
    from pyspark.sql import functions as fn

    here, there = fn.col(quote(alias, HERE)), fn.col(quote(source_alias, THERE))
    where = {
        "matched": here.isNotNull() & there.isNotNull(),
        "inserted": here.isNull(),
        "unsourced": there.isNull(),
    }
    action = fn.lit(None).cast("int")
    for number, clause in reversed(list(enumerate(clauses, 1))):
        action = fn.when(where[clause.kind] & holds(clause.condition), fn.lit(number)).otherwise(action)
    action = fn.coalesce(action, fn.when(here.isNotNull(), fn.lit(0)).otherwise(fn.lit(-1)))
    gone = [-1, *(number for number, clause in enumerate(clauses, 1) if clause.action == "delete")]
    columns = []
    assigned = [typed(joined, schema, assignments(schema, clause, source_alias)) for clause in clauses]
    for item in schema.fields:
        columns.append(chosen(item, alias, action, clauses, assigned).alias(item.name))
    return joined.filter(~action.isin(*gone)).select(*columns)


def chosen(item: Any, alias: str, action: Any, clauses: list[Clause], assigned: list[dict[str, Any]]) -> Any:
    """A column's value after a MERGE: what the clause of the row's action assigns, else what the row has."""
    from pyspark.sql import functions as fn

    value = fn.col(quote(alias, item.name))
    for number, clause in enumerate(clauses, 1):
        given = assigned[number - 1].get(item.name)
        if given is None and clause.action == "insert":
            given = fn.lit(None).cast(item.dataType)
        if given is not None:
            value = fn.when(action == number, given).otherwise(value)
    return value


def _inserted(new: Any, schema: Any, source_alias: str, clauses: list[Clause]) -> Any:
    from pyspark.sql import functions as fn

    assigned = [typed(new, schema, assignments(schema, clause, source_alias)) for clause in clauses]
    wanted = fn.lit(False)
    for clause in clauses:
        wanted = wanted | holds(clause.condition)
    columns = []
    for item in schema.fields:
        value = fn.lit(None).cast(item.dataType)
        for clause, values in reversed(list(zip(clauses, assigned, strict=True))):
            given = values.get(item.name, fn.lit(None).cast(item.dataType))
            value = fn.when(holds(clause.condition), given).otherwise(value)
        columns.append(value.alias(item.name))
    return new.filter(wanted).select(*columns)


def _check_cardinality(part: Any, alias: str, right: Any, condition: Any, clauses: list[Clause]) -> None:
    from pyspark.sql import functions as fn

    matched = [clause for clause in clauses if clause.kind == "matched"]
    if not matched or (len(matched) == 1 and matched[0].action == "delete" and always(matched[0].condition)):
        return
    numbered = part.withColumn(ROW, fn.monotonically_increasing_id()).alias(alias)
    pairs = numbered.join(right, column(condition), "inner")
    if len(matched) == len(clauses):
        # Delta looks only at pairs that a clause would act on when all clauses are of matched rows.
        pairs = pairs.filter(_acting(matched))
    pairs = pairs.select(fn.col(quote(alias, ROW)).alias(ROW))
    if pairs.groupBy(ROW).count().filter("count > 1").limit(1).collect():
        from awsglue._runtime.delta.errors import DeltaUnsupportedOperation

        raise DeltaUnsupportedOperation(
            "[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] Cannot perform Merge as multiple source rows "
            "matched and attempted to modify the same target row in the Delta table in possibly conflicting ways. By "
            "SQL semantics of Merge, when multiple source rows match on the same target row, the result may be "
            "ambiguous as it is unclear which source row should be used to update or delete the matching target row. "
            "You can preprocess the source table to eliminate the possibility of multiple matches."
        )


def _acting(clauses: list[Clause]) -> Any:
    """Whether any of these clauses acts."""
    from pyspark.sql import functions as fn

    acts = fn.lit(False)
    for clause in clauses:
        acts = acts | holds(clause.condition)
    return acts


def always(condition: Any) -> bool:
    """Whether there is no condition."""
    return condition is None or (isinstance(condition, str) and not condition.strip())


def assignments(schema: Any, clause: Clause, source_alias: str) -> dict[str, Any]:
    from pyspark.sql import functions as fn

    if clause.star:
        return {item.name: fn.col(quote(source_alias, item.name)) for item in schema.fields}
    return resolved(schema, clause.assignments)


def resolved(schema: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """Assignments by the table's own column names. Raises AnalysisException for unknown columns."""
    from pyspark.errors import AnalysisException

    from awsglue._runtime.catalog.names import split_identifier
    from awsglue._runtime.failures import EngineRefused

    known = {item.name.lower(): item.name for item in schema.fields}
    found = {}
    for name, value in changes.items():
        parts = split_identifier(name)
        if parts[-1].lower() not in known:
            if parts[0].lower() in known:
                raise EngineRefused(f"assigning to the nested field {name}")
            raise AnalysisException(
                f"[DELTA_MERGE_UNRESOLVED_EXPRESSION] Cannot resolve {name} in a clause given columns "
                f"{', '.join(known.values())}."
            )
        found[known[parts[-1].lower()]] = column(value)
    return found


def typed(frame: Any, schema: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The values in their columns' types, where that loses nothing."""
    if not values:
        return {}
    names = list(values)
    given = frame.select(*[values[name].alias(f"c{i}") for i, name in enumerate(names)]).schema.fields
    wanted = {item.name: item.dataType for item in schema.fields}
    return {
        name: fitting.safe_cast(values[name], item.dataType, wanted[name], name)
        for name, item in zip(names, given, strict=True)
    }
