"""Named queries and prepared statements. Every row belongs to a work group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mastic.athena import workgroups
from mastic.athena.failures import QueryFailure, invalid
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import athena as rows
from mastic.store.engine import Duplicate, Stale, Store
from mastic.wire.paging import Pages

if TYPE_CHECKING:
    from mastic.athena.statements import Statement

NAMED, PREPARED = "named", "prepared"
_DEFAULT_PAGE = 50


class Saved:
    """The operations on named queries and prepared statements."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, pages: Pages) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._pages = pages

    # -- named queries -----------------------------------------------------------------------------

    def create_named_query(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        group = request.get("WorkGroup") or workgroups.PRIMARY
        token = request.get("ClientRequestToken")
        id = self._ids.uuid()
        body = {k: v for k, v in request.items() if k != "ClientRequestToken"}
        body |= {"WorkGroup": group, "NamedQueryId": id, "Token": token or id}
        with self._store.write() as tx:
            workgroups.read(tx, context, group)
            rows.put_saved(tx, context.scope, NAMED, group, id, body, self._clock.now())
        return {"NamedQueryId": id}

    def get_named_query(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            row = rows.find_saved(tx, context.scope, NAMED, request["NamedQueryId"])
        if row is None:
            raise invalid(f"NamedQuery {request['NamedQueryId']} was not found")
        return {"NamedQuery": _named(row)}

    def batch_get_named_query(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        found, missing = [], []
        with self._store.read() as tx:
            for id in request["NamedQueryIds"]:
                row = rows.find_saved(tx, context.scope, NAMED, id)
                if row is not None:
                    found.append(_named(row))
                else:
                    message = f"NamedQuery {id} was not found"
                    missing.append(
                        {"NamedQueryId": id, "ErrorCode": "INVALID_INPUT", "ErrorMessage": message}
                    )
        return {"NamedQueries": found, "UnprocessedNamedQueryIds": missing}

    def list_named_queries(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        page = self._list(context, request, NAMED, "NamedQueryIds")
        return {**page, "NamedQueryIds": [r.name for r in page["NamedQueryIds"]]}

    def update_named_query(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        id = request["NamedQueryId"]
        with self._store.write() as tx:
            row = rows.find_saved(tx, context.scope, NAMED, id)
            if row is None:
                raise invalid(f"NamedQuery {id} was not found")
            body = {**row.body, **{k: v for k, v in request.items() if k != "NamedQueryId"}}
            rows.replace_saved(tx, context.scope, NAMED, row.workgroup, id, body, self._clock.now())
        return {}

    def delete_named_query(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.write() as tx:
            row = rows.find_saved(tx, context.scope, NAMED, request["NamedQueryId"])
            if row is not None:
                rows.delete_saved(tx, context.scope, NAMED, row.workgroup, row.name)
        return {}

    # -- prepared statements -----------------------------------------------------------------------

    def create_prepared_statement(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        group, name = request["WorkGroup"], request["StatementName"]
        try:
            with self._store.write() as tx:
                workgroups.read(tx, context, group)
                rows.put_saved(tx, context.scope, PREPARED, group, name, dict(request), self._clock.now())
        except Duplicate:
            raise invalid(f"PreparedStatement {name} already exists") from None
        return {}

    def get_prepared_statement(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            row = rows.get_saved(tx, context.scope, PREPARED, request["WorkGroup"], request["StatementName"])
        if row is None:
            raise _no_statement(request["StatementName"])
        return {"PreparedStatement": _prepared(row)}

    def batch_get_prepared_statement(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        found, missing = [], []
        with self._store.read() as tx:
            for name in request["PreparedStatementNames"]:
                row = rows.get_saved(tx, context.scope, PREPARED, request["WorkGroup"], name)
                if row is not None:
                    found.append(_prepared(row))
                else:
                    message = f"PreparedStatement {name} was not found"
                    missing.append(
                        {"StatementName": name, "ErrorCode": "STATEMENT_NOT_FOUND", "ErrorMessage": message}
                    )
        return {"PreparedStatements": found, "UnprocessedPreparedStatementNames": missing}

    def list_prepared_statements(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        page = self._list(context, request, PREPARED, "PreparedStatements")
        summaries = [
            {"StatementName": r.name, "LastModifiedTime": r.modified} for r in page["PreparedStatements"]
        ]
        return {**page, "PreparedStatements": summaries}

    def update_prepared_statement(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        group, name = request["WorkGroup"], request["StatementName"]
        try:
            with self._store.write() as tx:
                rows.replace_saved(tx, context.scope, PREPARED, group, name, dict(request), self._clock.now())
        except Stale:
            raise _no_statement(name) from None
        return {}

    def delete_prepared_statement(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.write() as tx:
            if not rows.delete_saved(
                tx, context.scope, PREPARED, request["WorkGroup"], request["StatementName"]
            ):
                raise _no_statement(request["StatementName"])
        return {}

    # -- for statements ----------------------------------------------------------------------------

    def prepare(self, scope: str, group: str, statement: Statement) -> None:
        """PREPARE and DEALLOCATE PREPARE. Raises QueryFailure."""
        from mastic.athena.statements import names

        name = names(statement.words["name"])[0]
        with self._store.write() as tx:
            existed = rows.delete_saved(tx, scope, PREPARED, group, name)
            if statement.substatement == "PREPARE":
                body = {"StatementName": name, "WorkGroup": group, "QueryStatement": statement.words["query"]}
                rows.put_saved(tx, scope, PREPARED, group, name, body, self._clock.now())
            elif not existed:
                raise QueryFailure(f"SYNTAX_ERROR: Prepared statement not found: {name}")

    def expand(self, scope: str, group: str, statement: Statement) -> tuple[str, list[str]]:
        """The text that EXECUTE names, and its USING values. Raises QueryFailure."""
        import sqlglot

        from mastic.athena.statements import names

        name = names(statement.words["name"])[0]
        with self._store.read() as tx:
            row = rows.get_saved(tx, scope, PREPARED, group, name)
        if row is None:
            raise QueryFailure(f"SYNTAX_ERROR: Prepared statement not found: {name}")
        using = statement.words.get("using")
        values = (
            []
            if using is None
            else [e.sql("trino") for e in sqlglot.parse_one(f"SELECT {using}", read="trino").expressions]
        )
        return row.body["QueryStatement"], values

    def _list(self, context: Context, request: dict[str, Any], kind: str, member: str) -> dict[str, Any]:
        limit = request.get("MaxResults") or _DEFAULT_PAGE
        after = self._pages.key(context, request, default="")
        group = request.get("WorkGroup") or workgroups.PRIMARY
        with self._store.read() as tx:
            workgroups.read(tx, context, group)
            found = list(rows.list_saved(tx, context.scope, kind, group, after, limit + 1))
        return self._pages.page(context, request, member, found, limit, key=lambda r: r.name)


def _named(row: Any) -> dict[str, Any]:
    return {k: v for k, v in row.body.items() if k != "Token"}


def _prepared(row: Any) -> dict[str, Any]:
    body = {k: row.body[k] for k in ("StatementName", "QueryStatement", "Description") if k in row.body}
    return {**body, "WorkGroupName": row.workgroup, "LastModifiedTime": row.modified}


def _no_statement(name: str) -> ServiceError:
    return ServiceError(
        "ResourceNotFoundException", f"PreparedStatement {name} was not found", ResourceName=name
    )
