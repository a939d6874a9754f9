"""Query executions: StartQueryExecution and everything that tells of one or stops it.

Owns the life cycle QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED; every step is a guarded update.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from mastic.athena import workgroups
from mastic.athena.failures import QueryFailure, invalid
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.objects.base import split_url
from mastic.store import athena as rows
from mastic.store import outbox, tasks
from mastic.store.engine import Duplicate, Stale, Store
from mastic.wire.paging import Pages

if TYPE_CHECKING:
    from mastic.athena.statements import Statement

QUEUE = "athena.query"
TERMINAL = ("SUCCEEDED", "FAILED", "CANCELLED")
_DEFAULT_PAGE = 50


class Executions:
    """The query execution operations."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, pages: Pages) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._pages = pages
        self._stopped: list[Callable[[str], None]] = []

    def when_stopped(self, stop: Callable[[str], None]) -> None:
        """Call ``stop`` with the id of every query that a client stops."""
        self._stopped.append(stop)

    # -- operations --------------------------------------------------------------------------------

    def start_query_execution(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        from mastic.athena.statements import classify

        statement = classify(request["QueryString"])
        id = self._ids.uuid()
        token = request.get("ClientRequestToken") or id
        body = {k: v for k, v in request.items() if k != "ClientRequestToken"}
        with self._store.read() as tx:
            group = workgroups.read(tx, context, request.get("WorkGroup") or workgroups.PRIMARY)
            earlier = rows.query_of_token(tx, context.scope, token)
        if earlier is not None:
            return {"QueryExecutionId": _same_request(earlier, body)}
        if group["State"] != "ENABLED":
            raise invalid(f"WorkGroup {group['Name']} is disabled.")
        execution = _execution(id, statement, body, group)
        try:
            with self._store.write() as tx:
                self._insert(tx, context, execution, token, body)
        except Duplicate:
            with self._store.read() as tx:
                return {
                    "QueryExecutionId": _same_request(rows.query_of_token(tx, context.scope, token), body)
                }
        return {"QueryExecutionId": id}

    def get_query_execution(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return {"QueryExecution": present(self._row(tx, context, request["QueryExecutionId"]))}

    def batch_get_query_execution(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        found, missing = [], []
        with self._store.read() as tx:
            for id in request["QueryExecutionIds"]:
                row = rows.query(tx, context.scope, id)
                if row is not None:
                    found.append(present(row))
                else:
                    missing.append(
                        {
                            "QueryExecutionId": id,
                            "ErrorCode": "INVALID_INPUT",
                            "ErrorMessage": f"QueryExecution {id} was not found",
                        }
                    )
        return {"QueryExecutions": found, "UnprocessedQueryExecutionIds": missing}

    def list_query_executions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        limit = request.get("MaxResults", _DEFAULT_PAGE)
        group = request.get("WorkGroup") or workgroups.PRIMARY
        key = self._pages.key(context, request)
        before = (datetime.fromisoformat(key[0]), key[1]) if key else None
        with self._store.read() as tx:
            workgroups.read(tx, context, group)
            found = list(rows.list_queries(tx, context.scope, group, before, limit + 1))
        page = self._pages.page(
            context, request, "QueryExecutionIds", found, limit, key=lambda r: [r.submitted.isoformat(), r.id]
        )
        return {**page, "QueryExecutionIds": [r.id for r in page["QueryExecutionIds"]]}

    def stop_query_execution(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        id = request["QueryExecutionId"]
        with self._store.read() as tx:
            row = self._row(tx, context, id)
        if row.state not in TERMINAL:
            outcome = {**row.outcome, "StateChangeReason": "Query was cancelled by the user"}
            try:
                self.move(row, ("QUEUED", "RUNNING"), "CANCELLED", outcome)
            except Stale:
                # It ended by itself meanwhile: stopping an ended query changes nothing.
                return {}
            for stop in self._stopped:
                stop(id)
        return {}

    def get_query_runtime_statistics(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            row = self._row(tx, context, request["QueryExecutionId"])
        statistics = row.outcome.get("Statistics") or {}
        timeline = {k: v for k, v in statistics.items() if k.endswith("InMillis")}
        read = {
            "InputRows": row.outcome.get("OutputRows", 0),
            "InputBytes": statistics.get("DataScannedInBytes", 0),
        }
        produced = {
            "OutputRows": row.outcome.get("OutputRows", 0),
            "OutputBytes": row.outcome.get("OutputBytes", 0),
        }
        return {"QueryRuntimeStatistics": {"Timeline": timeline, "Rows": {**read, **produced}}}

    # -- life cycle, for the runner ----------------------------------------------------------------

    def load(self, scope: str, id: str) -> Any:
        """The execution's row, or None."""
        with self._store.read() as tx:
            return rows.query(tx, scope, id)

    def move(self, row: Any, expected: tuple[str, ...], state: str, outcome: dict[str, Any]) -> None:
        """A guarded change of state with its event. Raises Stale."""
        now = self._clock.now()
        with self._store.write() as tx:
            rows.move_query(tx, row.id, expected, state, outcome, now if state in TERMINAL else None)
            _announce(tx, row, state, now)

    def noting_effect(self, row: Any) -> AbstractContextManager[None]:
        """Within it, what this thread stores is the statement's effect, and is noted as such in the same transaction.

        A statement that was cancelled meanwhile has none: the transaction fails with Stale.
        """
        return self._store.alongside(lambda tx: rows.note_effect(tx, row.id))

    # -- within ------------------------------------------------------------------------------------

    def _insert(
        self, tx: Connection, context: Context, execution: dict[str, Any], token: str, body: dict[str, Any]
    ) -> None:
        now = self._clock.now()
        reused = self._reusable(tx, context, execution, body, now)
        if reused is not None:
            execution["Reused"] = True
            execution["Reuses"] = reused.id
        rows.add_query(
            tx,
            id=execution["QueryExecutionId"],
            scope=context.scope,
            workgroup=execution["WorkGroup"],
            state="QUEUED",
            submitted=now,
            completed=None,
            token=token,
            request={"body": body, "execution": execution, "principal": context.principal_arn},
            outcome={},
        )
        tasks.put(
            tx,
            QUEUE,
            execution["QueryExecutionId"],
            {"scope": context.scope, "id": execution["QueryExecutionId"]},
            not_before=now,
        )

    def _reusable(
        self, tx: Connection, context: Context, execution: dict[str, Any], body: dict[str, Any], now: datetime
    ) -> Any:
        """An earlier run of the same SELECT whose result the caller is content with."""
        wanted = (body.get("ResultReuseConfiguration") or {}).get("ResultReuseByAgeConfiguration") or {}
        if not wanted.get("Enabled") or execution["SubstatementType"] != "SELECT":
            return None
        since = now - timedelta(minutes=wanted.get("MaxAgeInMinutes", 60))
        for row in rows.reusable(tx, context.scope, execution["WorkGroup"], since):
            earlier = row.request["execution"]
            same = all(
                earlier.get(k) == execution.get(k)
                for k in ("Query", "QueryExecutionContext", "ExecutionParameters")
            )
            if same and not earlier.get("Reused"):
                return row
        return None

    def _row(self, tx: Connection, context: Context, id: str) -> Any:
        row = rows.query(tx, context.scope, id)
        if row is None:
            raise invalid(f"QueryExecution {id} was not found")
        return row


def present(row: Any) -> dict[str, Any]:
    """The API's QueryExecution."""
    execution = {k: v for k, v in row.request["execution"].items() if k not in ("Reused", "Reuses")}
    outcome = row.outcome
    status: dict[str, Any] = {
        "State": row.state,
        "SubmissionDateTime": row.submitted,
        "CompletionDateTime": row.completed,
    }
    for member in ("StateChangeReason", "AthenaError"):
        if member in outcome:
            status[member] = outcome[member]
    statistics = {
        **outcome.get("Statistics", {}),
        "ResultReuseInformation": {"ReusedPreviousResult": bool(row.request["execution"].get("Reused"))},
    }
    if "OutputLocation" in outcome:
        execution["ResultConfiguration"] = {
            **execution["ResultConfiguration"],
            "OutputLocation": outcome["OutputLocation"],
        }
    return {**execution, "Status": status, "Statistics": statistics}


def _execution(id: str, statement: Statement, body: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    configuration = group["Configuration"]
    theirs = configuration.get("ResultConfiguration") or {}
    mine = body.get("ResultConfiguration") or {}
    result = {
        **theirs,
        **({} if configuration["EnforceWorkGroupConfiguration"] and theirs.get("OutputLocation") else mine),
    }
    location = result.get("OutputLocation")
    if not location:
        raise invalid(
            "No output location provided. You did not provide an output location for your query results. Set one "
            "in the request's ResultConfiguration or in the work group."
        )
    try:
        split_url(location)
    except ValueError:
        raise invalid(f"outputLocation is not a valid S3 path: {location}") from None
    suffix = ".txt" if statement.type in ("DDL", "UTILITY") else ".csv"
    if statement.writes_data:
        suffix = ""
    given = body.get("QueryExecutionContext") or {}
    if given.get("Catalog", "AwsDataCatalog").lower() != "awsdatacatalog":
        raise invalid(f"DataCatalog {given['Catalog']} was not found")
    return {
        "QueryExecutionId": id,
        "Query": body["QueryString"],
        "StatementType": "DML" if statement.substatement == "CREATE_TABLE_AS_SELECT" else statement.type,
        "SubstatementType": statement.substatement,
        "ResultConfiguration": {**result, "OutputLocation": f"{location.rstrip('/')}/{id}{suffix}"},
        "QueryExecutionContext": {
            "Catalog": "awsdatacatalog",
            # Clients quote it as their statements do.
            **({"Database": given["Database"].strip('`"').lower()} if given.get("Database") else {}),
        },
        "WorkGroup": group["Name"],
        "EngineVersion": configuration["EngineVersion"],
        **({"ExecutionParameters": body["ExecutionParameters"]} if body.get("ExecutionParameters") else {}),
    }


def _same_request(row: Any, body: dict[str, Any]) -> str:
    if row.request["body"] != body:
        raise invalid("Idempotent parameters do not match")
    return str(row.id)


def _announce(tx: Connection, row: Any, state: str, now: datetime) -> None:
    execution = row.request["execution"]
    account, _, region = row.scope.partition(":")
    outbox.put(
        tx,
        "glue.event",
        {
            "version": "0",
            "source": "aws.athena",
            "detail-type": "Athena Query State Change",
            "account": account,
            "region": region,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "resources": [],
            "detail": {
                "versionId": "0",
                "currentState": state,
                "previousState": row.state,
                "statementType": execution["StatementType"],
                "queryExecutionId": row.id,
                "workgroupName": row.workgroup,
                "sequenceNumber": "1" if state == "RUNNING" else "2",
            },
        },
    )


def failure_outcome(failure: QueryFailure) -> dict[str, Any]:
    """What a failed query tells."""
    return {
        "StateChangeReason": failure.reason,
        "AthenaError": {
            "ErrorCategory": failure.category,
            "ErrorType": failure.kind,
            "Retryable": failure.retryable,
            "ErrorMessage": failure.reason,
        },
    }


def service_failure(error: ServiceError) -> QueryFailure:
    """A refusal of S3 or Glue in the middle of a query."""
    return QueryFailure(f"{error.code}: {error.message}")
