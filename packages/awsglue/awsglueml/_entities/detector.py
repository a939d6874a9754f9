"""EntityDetector: sensitive data in the columns of a frame that hold texts or whole numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from awsglue import gluetypes as g
from awsglue._frames.encoding import columns as select_columns
from awsglue._frames.encoding import quote, to_spark

if TYPE_CHECKING:
    from awsglue.dynamicframe import DynamicFrame
    from awsglueml._entities.finding import Search

SEARCHED = (g.StringType, g.IntegerType, g.LongType)
SENSITIVITIES = ("LOW", "HIGH")


class EntityDetector:
    """Finds sensitive data, and changes it where it is told to."""

    def detect(
        self,
        frame: DynamicFrame,
        entityTypesToDetect: Any = None,
        outputColumnName: str = "DetectedEntities",
        detectionSensitivity: str = "LOW",
        detectionParameters: Any = None,
    ) -> DynamicFrame:
        """The records with a column of what was found in each: {column: [{entityType, actionUsed, start, end}]}.

        The second argument is a list of entity types, or what `detectionParameters` is: actions by entity type.
        Raises ValueError, and NotImplementedError for an entity type that needs a model.
        """
        from awsglue.dynamicframe import DynamicFrame
        from awsglueml._entities.finding import detecting
        from awsglueml._entities.planning import fine_grained, simple

        high = _high(detectionSensitivity)
        schema, df = _flat(frame)
        asked = detectionParameters if detectionParameters is not None else entityTypesToDetect
        if not asked:
            raise ValueError("EntityDetector.detect needs entity types or detectionParameters")
        if outputColumnName in schema.field_map:
            raise ValueError(f"there is a column {outputColumnName} already")
        columns = _searchable(schema)
        if isinstance(asked, Mapping | str):
            numbers = {field.name for field in schema.fields if not isinstance(field.dataType, g.StringType)}
            plan = fine_grained(asked, columns, numbers)
        else:
            plan = simple(asked, columns)
        _only_texts_change(plan, schema)
        kinds = [to_spark(field.dataType) for field in schema.fields]
        found = df.mapInArrow(detecting(plan, high=high), _types([*kinds, _notes()]))
        names = [*(field.name for field in schema.fields), outputColumnName]
        named = found.selectExpr(*select_columns([(name, f"c{i}") for i, name in enumerate(names)]))
        return DynamicFrame.fromDF(named, frame.glue_ctx, frame.name)

    def classify_columns(
        self,
        frame: DynamicFrame,
        entityTypesToDetect: Any,
        sampleFraction: float = 0.1,
        thresholdFraction: float = 0.1,
        detectionSensitivity: str = "LOW",
    ) -> dict[str, list[str]]:
        """The columns that hold entities, with their types: those in `thresholdFraction` of the rows looked at."""
        from awsglueml._entities.finding import counting
        from awsglueml._entities.planning import simple

        for name, value in (("sampleFraction", sampleFraction), ("thresholdFraction", thresholdFraction)):
            if not 0 <= float(value) <= 1:
                raise ValueError(f"{name} is a number from 0 to 1, not {value}")
        high = _high(detectionSensitivity)
        schema, df = _flat(frame)
        plan = simple(entityTypesToDetect, _searchable(schema))
        if float(sampleFraction) < 1:
            df = df.sample(fraction=float(sampleFraction))
        counts: Counter[tuple[str, str]] = Counter()
        for row in df.mapInArrow(counting(plan, high=high), "c string, k string, n bigint").collect():
            counts[row[0], row[1]] += row[2]
        total = counts.pop(("", ""), 0)
        found: dict[str, list[str]] = defaultdict(list)
        for (column, kind), count in sorted(counts.items()):
            if count >= float(thresholdFraction) * total:
                found[column].append(kind)
        return dict(found)

    classifyColumns = classify_columns


def _high(sensitivity: str) -> bool:
    if str(sensitivity).upper() not in SENSITIVITIES:
        raise ValueError(f"detectionSensitivity is LOW or HIGH, not {sensitivity!r}")
    return str(sensitivity).upper() == "HIGH"


def _flat(frame: DynamicFrame) -> tuple[g.StructType, Any]:
    """The schema, and the columns as c0, c1, …: functions over batches cannot take names with dots."""
    from awsglue._frames.encoding import from_spark

    df = frame.toDF()
    schema = from_spark(df.schema)
    assert isinstance(schema, g.StructType)
    parts = [(f"c{i}", quote(field.name)) for i, field in enumerate(schema.fields)]
    return schema, df.selectExpr(*select_columns(parts))


def _searchable(schema: g.StructType) -> list[str]:
    return [field.name if isinstance(field.dataType, SEARCHED) else "" for field in schema.fields]


def _only_texts_change(plan: Mapping[int, tuple[str, list[Search]]], schema: g.StructType) -> None:
    """Raises ValueError for a column of numbers that is named to be masked."""
    from awsglueml._entities.finding import DETECT

    for place, (name, searches) in plan.items():
        text = isinstance(schema.fields[place].dataType, g.StringType)
        if not text and any(search.action.name != DETECT for search in searches):
            raise ValueError(f"column {name} holds numbers, which cannot be masked: make it a string first")


def _notes() -> Any:
    from pyspark.sql import types as t

    entity = t.StructType(
        [
            t.StructField("entityType", t.StringType()),
            t.StructField("actionUsed", t.StringType()),
            t.StructField("start", t.IntegerType()),
            t.StructField("end", t.IntegerType()),
        ]
    )
    return t.MapType(t.StringType(), t.ArrayType(entity))


def _types(kinds: list[Any]) -> Any:
    from pyspark.sql import types as t

    return t.StructType([t.StructField(f"c{i}", kind, True) for i, kind in enumerate(kinds)])
