"""The builder that DeltaTable.merge gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from awsglue._runtime.delta import rowlevel, writing
from awsglue._runtime.delta.rowlevel import Clause


class DeltaMergeBuilder:
    """Collects the clauses of one MERGE; `execute` carries it out."""

    def __init__(
        self, services: Any, load: Callable[[], Any], alias: str, source: Any, condition: Any
    ) -> None:
        self._services = services
        self._load = load
        self._alias = alias
        self._source = source
        self._condition = condition
        self._clauses: list[Clause] = []

    def _with(self, clause: Clause) -> DeltaMergeBuilder:
        self._clauses.append(clause)
        return self

    def whenMatchedUpdate(self, condition: Any = None, set: Any = None) -> DeltaMergeBuilder:
        """Rows that match get new values."""
        return self._with(
            Clause(kind="matched", action="update", condition=condition, assignments=_given(set, "set"))
        )

    def whenMatchedUpdateAll(self, condition: Any = None) -> DeltaMergeBuilder:
        """Rows that match become the source's row."""
        return self._with(Clause(kind="matched", action="update", condition=condition, star=True))

    def whenMatchedDelete(self, condition: Any = None) -> DeltaMergeBuilder:
        """Rows that match go."""
        return self._with(Clause(kind="matched", action="delete", condition=condition))

    def whenNotMatchedInsert(self, condition: Any = None, values: Any = None) -> DeltaMergeBuilder:
        """Source rows that match nothing come, with these values."""
        return self._with(
            Clause(
                kind="inserted", action="insert", condition=condition, assignments=_given(values, "values")
            )
        )

    def whenNotMatchedInsertAll(self, condition: Any = None) -> DeltaMergeBuilder:
        """Source rows that match nothing come."""
        return self._with(Clause(kind="inserted", action="insert", condition=condition, star=True))

    def whenNotMatchedBySourceUpdate(self, condition: Any = None, set: Any = None) -> DeltaMergeBuilder:
        """Rows that no source row matches get new values."""
        return self._with(
            Clause(kind="unsourced", action="update", condition=condition, assignments=_given(set, "set"))
        )

    def whenNotMatchedBySourceDelete(self, condition: Any = None) -> DeltaMergeBuilder:
        """Rows that no source row matches go."""
        return self._with(Clause(kind="unsourced", action="delete", condition=condition))

    def withSchemaEvolution(self) -> DeltaMergeBuilder:
        """Not served."""
        from awsglue._runtime.failures import EngineRefused

        raise EngineRefused("MERGE with schema evolution")

    def execute(self) -> None:
        """Carry out the merge. Raises AnalysisException without clauses."""
        from awsglue._runtime.delta.statements import held

        _check(self._clauses)
        source_alias = self._services.alias_of(self._source) or "source"
        with self._services.passing():
            source = held(self._services, self._source)
            writing.change(
                self._services,
                self._load,
                lambda table: rowlevel.merge(
                    self._services,
                    table,
                    self._alias or "target",
                    source,
                    source_alias,
                    self._condition,
                    self._clauses,
                ),
                "MERGE",
                predicate=self._condition if isinstance(self._condition, str) else "",
            )


def _given(values: Any, name: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ValueError(f"'{name}' parameter must be passed as a dict")
    return dict(values)


def _check(clauses: list[Clause]) -> None:
    """Raise AnalysisException for no clauses, or ones that can never act."""
    from pyspark.errors import AnalysisException

    if not clauses:
        raise AnalysisException(
            "[DELTA_MERGE_MISSING_WHEN] There must be at least one WHEN clause in a MERGE statement."
        )
    for kind, shown in (
        ("matched", "MATCHED"),
        ("inserted", "NOT_MATCHED"),
        ("unsourced", "NOT_MATCHED_BY_SOURCE"),
    ):
        own = [clause for clause in clauses if clause.kind == kind]
        if any(clause.condition is None for clause in own[:-1]):
            raise AnalysisException(
                f"[NON_LAST_{shown}_CLAUSE_OMIT_CONDITION] When there are more than one {shown.replace('_', ' ')} "
                "clauses in a MERGE statement, only the last one can omit the condition."
            )
