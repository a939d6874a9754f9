"""What a statement about the catalog works with, and what it names. Owns no state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from mastic.athena.catalog import Catalog
from mastic.athena.failures import QueryFailure
from mastic.athena.staging import Staging
from mastic.athena.statements import Statement, names
from mastic.context import Context

Lines = list[list[str | None]]
# The names by which statements know the one catalog.
CATALOGS = ("awsdatacatalog", "hive")


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a statement about the catalog works with."""

    context: Context
    catalog: Catalog
    staging: Staging
    database: str

    def resolve(self, path: str) -> tuple[str, str]:
        """Database and name of a dotted name."""
        parts = names(path)
        check_catalog(parts[-3] if len(parts) > 2 else "")
        return (parts[-2] if len(parts) > 1 else self.database), parts[-1]


def check_catalog(name: str) -> None:
    """Raise QueryFailure for a catalog that there is not: its tables must not be taken for those of ours."""
    if name and name.lower() not in CATALOGS:
        raise QueryFailure(f"CATALOG_NOT_FOUND: Catalog '{name.lower()}' does not exist")


def table_of(session: Session, statement: Statement) -> dict[str, Any]:
    """The table that the statement names. Raises QueryFailure when there is none."""
    database, name = session.resolve(statement.words["name"])
    if "db" in statement.words:
        database = names(statement.words["db"])[0]
    return session.catalog.need_table(session.context, database, name)


def tree_of(statement: Statement) -> exp.Expr:
    """The statement's tree."""
    assert statement.tree is not None
    return statement.tree


def named(node: exp.Expr, session: Session) -> tuple[str, str]:
    """Database and name of a table's node. Raises QueryFailure for one of another catalog."""
    check_catalog(node.text("catalog"))
    return (node.text("db").lower() or session.database), node.name.lower()


Handler = Callable[[Session, Statement], tuple[list[str], Lines]]
