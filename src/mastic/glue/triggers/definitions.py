"""CreateTrigger, UpdateTrigger, GetTrigger, GetTriggers, ListTriggers, BatchGetTriggers, DeleteTrigger,
StartTrigger, StopTrigger.

Owns the rows of ``triggers``. An active SCHEDULED trigger has a next tick; an ON_DEMAND trigger is never active.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from mastic import cron
from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError, invalid_input, not_found
from mastic.glue import tags as glue_tags
from mastic.glue.idempotency import plain, same_or_refuse
from mastic.glue.pages import Pager
from mastic.glue.triggers import predicates
from mastic.glue.triggers.firing import Firing, Origin
from mastic.store import tags, triggers
from mastic.store.engine import Duplicate, Stale, Store
from mastic.store.triggers import Trigger

PAGE = 100

# (transaction, scope, name) → is there such a job, crawler or workflow?
Exists = Callable[[Connection, str, str], bool]


class Triggers:
    """The operations on triggers.

    ``exists`` answers for "job", "crawler" and "workflow"; of a kind that is missing there, nothing exists.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        firing: Firing,
        pager: Pager,
        exists: Mapping[str, Exists],
    ) -> None:
        self._store = store
        self._clock = clock
        self._firing = firing
        self._pager = pager
        self._exists = dict(exists)

    # -- making and changing -----------------------------------------------------------------------

    def create_trigger(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Store a trigger; the same call again succeeds, another of the same name does not."""
        kind, name = request["Type"], request["Name"]
        body = predicates.body(kind, request)
        if kind == "ON_DEMAND" and request.get("StartOnCreation"):
            raise invalid_input("StartOnCreation is not supported for triggers of type ON_DEMAND.")
        if kind == "EVENT" and not request.get("WorkflowName"):
            raise invalid_input("A trigger of type EVENT has to belong to a workflow.")
        given = plain(request)
        try:
            with self._store.write() as tx:
                existing = triggers.find(tx, context.scope, name)
                if existing is None:
                    self._add(tx, context.scope, request, body, given)
                else:
                    same_or_refuse("Trigger", name, existing.request, given)
        except Duplicate:
            with self._store.read() as tx:
                existing = triggers.find(tx, context.scope, name)
            if existing is not None:
                same_or_refuse("Trigger", name, existing.request, given)
        return {"Name": name}

    def _add(
        self, tx: Connection, scope: str, request: dict[str, Any], body: dict[str, Any], given: dict[str, Any]
    ) -> None:
        workflow = request.get("WorkflowName")
        if workflow is not None:
            self._require(tx, "workflow", scope, workflow)
        self._require_targets(tx, scope, body)
        active = bool(request.get("StartOnCreation"))
        triggers.add(
            tx,
            Trigger(
                scope=scope,
                name=request["Name"],
                type=request["Type"],
                state="ACTIVATED" if active else "CREATED",
                workflow_name=workflow,
                body=body,
                request=given,
                version=1,
                next_tick=self._next_tick(body) if active else None,
                created_on=self._clock.now(),
            ),
        )
        tags.put(tx, scope, glue_tags.arn(scope, "trigger", request["Name"]), request.get("Tags", {}))

    def update_trigger(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Put what is given in the place of what was there; conditions met so far are forgotten."""

        def replace(tx: Connection, trigger: Trigger) -> None:
            body = predicates.body(trigger.type, {**trigger.body, **request["TriggerUpdate"]})
            self._require_targets(tx, context.scope, body)
            active = trigger.state == "ACTIVATED"
            triggers.change(
                tx,
                trigger,
                body=body,
                request=plain({**trigger.request, **request["TriggerUpdate"], "Name": trigger.name}),
                next_tick=self._next_tick(body) if active else None,
            )

        return {"Trigger": shape(self._change(context.scope, request["Name"], replace))}

    def delete_trigger(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a trigger; one that does not exist is no mistake."""
        with self._store.write() as tx:
            triggers.remove(tx, context.scope, request["Name"])
            tags.delete_arn(tx, context.scope, glue_tags.arn(context.scope, "trigger", request["Name"]))
        return {"Name": request["Name"]}

    # -- reading -----------------------------------------------------------------------------------

    def get_trigger(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """One trigger."""
        with self._store.read() as tx:
            return {"Trigger": shape(_find(tx, context.scope, request["Name"]))}

    def get_triggers(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """All triggers, or those that start a job."""
        found, token = self._page("GetTriggers", context, request, None)
        return {"Triggers": [shape(trigger) for trigger in found], "NextToken": token}

    def list_triggers(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """The names of all triggers, of those that start a job, or of those that carry every given tag."""
        found, token = self._page("ListTriggers", context, request, request.get("Tags"))
        return {"TriggerNames": [trigger.name for trigger in found], "NextToken": token}

    def batch_get_triggers(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Several triggers, and the names that there are none of."""
        names = list(dict.fromkeys(request["TriggerNames"]))
        with self._store.read() as tx:
            found = triggers.find_many(tx, context.scope, names)
        return {
            "Triggers": [shape(found[name]) for name in names if name in found],
            "TriggersNotFound": [name for name in names if name not in found],
        }

    def _page(
        self, operation: str, context: Context, request: dict[str, Any], wanted_tags: Mapping[str, str] | None
    ) -> tuple[list[Trigger], str | None]:
        limit = request.get("MaxResults") or PAGE
        dependent = request.get("DependentJobName")
        bound = f"{context.scope} {dependent or ''}"
        after = self._pager.read(request.get("NextToken"), operation, bound)
        with self._store.read() as tx:
            if dependent is not None:
                self._require(tx, "job", context.scope, dependent)
            among = glue_tags.names_with(tx, context.scope, "trigger", wanted_tags)
            found = triggers.page(tx, context.scope, after, limit + 1, starting_job=dependent, among=among)
        return found[:limit], self._pager.token(found, limit, lambda t: t.name, operation, bound)

    # -- starting and stopping ---------------------------------------------------------------------

    def start_trigger(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Activate a trigger; an ON_DEMAND trigger fires instead and stays as it is."""

        def start(tx: Connection, trigger: Trigger) -> None:
            if trigger.type == "ON_DEMAND":
                self._firing.fire(tx, trigger, _call(context), Origin(), refuse=True)
            elif trigger.state != "ACTIVATED":
                triggers.change(tx, trigger, state="ACTIVATED", next_tick=self._next_tick(trigger.body))

        self._change(context.scope, request["Name"], start)
        return {"Name": request["Name"]}

    def stop_trigger(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Deactivate a trigger: it does not fire, and forgets the conditions met so far."""

        def stop(tx: Connection, trigger: Trigger) -> None:
            if trigger.type == "ON_DEMAND":
                raise invalid_input("Triggers of type ON_DEMAND cannot be stopped.")
            if trigger.state != "DEACTIVATED":
                triggers.change(tx, trigger, state="DEACTIVATED", next_tick=None)
                triggers.unlatch(tx, trigger.scope, trigger.name)

        self._change(context.scope, request["Name"], stop)
        return {"Name": request["Name"]}

    # -- common ------------------------------------------------------------------------------------

    def _change(self, scope: str, name: str, change: Callable[[Connection, Trigger], None]) -> Trigger:
        try:
            with self._store.write() as tx:
                change(tx, _find(tx, scope, name))
                return _find(tx, scope, name)
        except Stale as error:
            raise ServiceError(
                "ConcurrentModificationException", f"Trigger {name} was modified concurrently."
            ) from error

    def _next_tick(self, body: Mapping[str, Any]) -> datetime | None:
        expression = body.get("Schedule")
        return cron.parse(expression).next_after(self._clock.now()) if expression else None

    def _require_targets(self, tx: Connection, scope: str, body: Mapping[str, Any]) -> None:
        for part in (*body["Actions"], *body.get("Predicate", {}).get("Conditions", ())):
            if part.get("JobName"):
                self._require(tx, "job", scope, part["JobName"])
            else:
                self._require(tx, "crawler", scope, part["CrawlerName"])

    def _require(self, tx: Connection, kind: str, scope: str, name: str) -> None:
        exists = self._exists.get(kind)
        if exists is None or not exists(tx, scope, name):
            raise not_found(f"{kind.capitalize()} {name} not found.")


def exists(tx: Connection, scope: str, name: str) -> bool:
    """Whether there is such a trigger, for tags."""
    return triggers.find(tx, scope, name) is not None


def shape(trigger: Trigger) -> dict[str, Any]:
    """The Trigger structure."""
    return {
        "Name": trigger.name,
        "WorkflowName": trigger.workflow_name,
        "Type": trigger.type,
        "State": trigger.state,
        **trigger.body,
    }


def _find(tx: Connection, scope: str, name: str) -> Trigger:
    trigger = triggers.find(tx, scope, name)
    if trigger is None:
        raise not_found(f"Trigger {name} not found.")
    return trigger


def _call(context: Context) -> str:
    """What makes two StartTrigger calls one: the SDK's invocation id, repeated when it sends a call again."""
    headers = context.http.headers if context.http else {}
    return f"call:{headers.get('amz-sdk-invocation-id') or context.request_id}"
