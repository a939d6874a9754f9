"""The rule types of DQDL: how many parameters, which conditions, what else each may carry. Data, and its lookup."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MANY = 1000

NUMBER, STRING, DATE, DURATION, SIZE = "number", "string", "date", "duration", "size"


@dataclass(frozen=True, kw_only=True)
class RuleType:
    """What a rule of this type may look like. No `kinds`: it has no condition. `bare`: it may also have none."""

    least: int = 0
    most: int = 0
    kinds: frozenset[str] = frozenset()
    bare: bool = False
    where: bool = False
    threshold: bool = False
    dynamic: bool = False
    analyzer: bool = False
    only_analyzer: bool = False

    @property
    def boolean(self) -> bool:
        """Whether it never has a condition."""
        return not self.kinds


def _type(
    least: int,
    kinds: str = "",
    flags: str = "",
    most: int | None = None,
) -> RuleType:
    """`flags`: W where, T threshold, D dynamic, A analyzer, O analyzer only, B condition may be missing."""
    return RuleType(
        least=least,
        most=least if most is None else most,
        kinds=frozenset(kinds.split()),
        where="W" in flags,
        threshold="T" in flags,
        dynamic="D" in flags,
        analyzer="A" in flags or "O" in flags,
        only_analyzer="O" in flags,
        bare="B" in flags,
    )


RULE_TYPES: Mapping[str, RuleType] = {
    "AggregateMatch": _type(2, NUMBER),
    "ColumnCorrelation": _type(2, NUMBER, "WDA"),
    "ColumnCount": _type(0, NUMBER, "DA"),
    "ColumnDataType": _type(1, STRING, "WTD"),
    "ColumnExists": _type(1),
    "ColumnLength": _type(1, NUMBER, "WA"),
    "ColumnNamesMatchPattern": _type(1),
    "ColumnValues": _type(1, f"{NUMBER} {STRING} {DATE}", "WTA"),
    "Completeness": _type(1, NUMBER, "WDA"),
    "CustomSql": _type(1, NUMBER, "TDAB"),
    "DataFreshness": _type(1, DURATION, "W"),
    "DatasetMatch": _type(2, NUMBER, "D", most=3),
    "DetectAnomalies": _type(1, most=MANY),
    "DistinctValuesCount": _type(1, NUMBER, "WDA"),
    "DuplicateRowCount": _type(0, NUMBER, "W", most=MANY),
    "Entropy": _type(1, NUMBER, "WDA"),
    "FileFreshness": _type(0, DATE, "T", most=1),
    "FileMatch": _type(0, STRING, "B", most=2),
    "FileSize": _type(0, SIZE, "T", most=1),
    "FileUniqueness": _type(0, NUMBER, most=1),
    "IsComplete": _type(1, flags="W"),
    "IsPrimaryKey": _type(1, flags="W", most=MANY),
    "IsUnique": _type(1, flags="W", most=MANY),
    "Mean": _type(1, NUMBER, "WDA"),
    "ReferentialIntegrity": _type(2, NUMBER, "D"),
    "RowCount": _type(0, NUMBER, "WDA"),
    "RowCountMatch": _type(1, NUMBER, "D"),
    "SchemaMatch": _type(1, NUMBER, "D"),
    "StandardDeviation": _type(1, NUMBER, "WDA"),
    "Sum": _type(1, NUMBER, "WDA"),
    "Uniqueness": _type(1, NUMBER, "WDA", most=MANY),
    "UniqueValueRatio": _type(1, NUMBER, "WDA"),
    "Variance": _type(1, NUMBER, "WA"),
    "AllStatistics": _type(0, flags="O", most=1),
    "Distribution": _type(1, flags="O"),
}

# Other spellings of a type's name.
SAME: Mapping[str, str] = {"CustomSQL": "CustomSql"}

# Rules whose combination is computed for the whole data even where the method is by rows.
NEVER_BY_ROW = frozenset({"Completeness", "DatasetMatch", "ReferentialIntegrity", "Uniqueness"})
NEVER_BY_ROW_WITH_THRESHOLD = frozenset({"ColumnDataType", "ColumnValues", "CustomSql"})


def find(name: str) -> RuleType | None:
    """The type of this name."""
    return RULE_TYPES.get(SAME.get(name, name))
