"""Triggers at work: a job run ends, a schedule's time comes, somebody calls; the actions start.

Everything happens in the transaction that also records the cause (the outbox row taken out, the fire row, the
schedule's next tick), so a cause fires a trigger once, whatever crashes when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection

from mastic import cron
from mastic.clock import Clock
from mastic.errors import ServiceError
from mastic.glue.jobs.lifecycle import Lifecycle, StartRequest
from mastic.glue.triggers import predicates
from mastic.store import outbox, triggers
from mastic.store.triggers import Latch, Trigger

log = structlog.get_logger()

# (transaction, scope, crawler name, trigger name, workflow run id) → the crawl has been started
StartCrawler = Callable[[Connection, str, str, str, str | None], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What the runs of a firing will remember of its cause."""

    predecessors: tuple[dict[str, str], ...] = ()
    workflow_name: str | None = None
    workflow_run_id: str | None = None


class Firing:
    """Fires triggers. ``strict_lineage``: only runs that were started by a trigger fire another one."""

    def __init__(
        self,
        *,
        clock: Clock,
        lifecycle: Lifecycle,
        strict_lineage: bool,
        start_crawler: StartCrawler | None = None,
    ) -> None:
        self._clock = clock
        self._lifecycle = lifecycle
        self._strict = strict_lineage
        self._start_crawler = start_crawler

    # -- conditions --------------------------------------------------------------------------------

    def on_job_run(self, tx: Connection, event: outbox.Event) -> None:
        """Receiver of "job_run.state"."""
        payload = event.payload
        if not predicates.watched(payload["state"], final=payload["final"]):
            return
        if not predicates.lineage_allows(
            strict=self._strict, started_by_trigger=payload["trigger_name"] is not None
        ):
            return
        self._met(
            tx,
            scope=payload["scope"],
            kind="JOB",
            subject=payload["job_name"],
            state=payload["state"],
            run_id=payload["run_id"],
            workflow=(payload.get("workflow_name"), payload["workflow_run_id"]),
            cause=f"event:{event.id}",
        )

    def on_crawler(self, tx: Connection, event: outbox.Event) -> None:
        """Receiver of "crawler.state": payload has scope, crawler_name, crawl_id, state and the crawl's origin."""
        payload = event.payload
        if payload["state"] not in predicates.CRAWL_STATES:
            return
        if not predicates.lineage_allows(
            strict=self._strict, started_by_trigger=payload.get("trigger_name") is not None
        ):
            return
        self._met(
            tx,
            scope=payload["scope"],
            kind="CRAWLER",
            subject=payload["crawler_name"],
            state=payload["state"],
            run_id=payload["crawl_id"],
            workflow=(payload.get("workflow_name"), payload.get("workflow_run_id")),
            cause=f"event:{event.id}",
        )

    def _met(
        self,
        tx: Connection,
        *,
        scope: str,
        kind: str,
        subject: str,
        state: str,
        run_id: str,
        workflow: tuple[str | None, str | None],
        cause: str,
    ) -> None:
        for trigger, positions in triggers.watching(tx, scope, kind, subject, state):
            if not predicates.same_context(trigger.workflow_name, *workflow):
                continue
            context = workflow[1] or ""
            for position in positions:
                triggers.latch(tx, trigger, context, Latch(position=position, subject=subject, run_id=run_id))
            latches = triggers.latches(tx, trigger, context)
            predicate = trigger.body["Predicate"]
            conditions = predicate["Conditions"]
            met = [latch.position for latch in latches]
            if not predicates.fires(predicate.get("Logical") or "AND", len(conditions), met):
                continue
            triggers.unlatch(tx, scope, trigger.name, context)
            seen = {
                (latch.subject, latch.run_id): {"JobName": latch.subject, "RunId": latch.run_id}
                for latch in latches
                if conditions[latch.position].get("JobName")
            }
            origin = Origin(
                predecessors=tuple(seen.values()), workflow_name=workflow[0], workflow_run_id=workflow[1]
            )
            self.fire(tx, trigger, cause, origin)

    # -- firing ------------------------------------------------------------------------------------

    def fire(
        self, tx: Connection, trigger: Trigger, cause: str, origin: Origin, *, refuse: bool = False
    ) -> bool:
        """Start every action; false, and nothing happens, when ``cause`` has fired the trigger before.

        A run that cannot start is recorded as FAILED with the reason; with ``refuse`` the reason is raised.
        """
        if not triggers.fire(tx, trigger, cause, self._clock.now()):
            return False
        for action in trigger.body["Actions"]:
            if action.get("CrawlerName"):
                if self._start_crawler is None:
                    raise LookupError(
                        f"trigger {trigger.name} starts a crawler, but nothing here runs crawlers"
                    )
                self._start_crawler(
                    tx, trigger.scope, action["CrawlerName"], trigger.name, origin.workflow_run_id
                )
            else:
                self._start_job(tx, trigger, action, origin, refuse=refuse)
        return True

    def _start_job(
        self, tx: Connection, trigger: Trigger, action: dict[str, Any], origin: Origin, *, refuse: bool
    ) -> None:
        overrides = ("Timeout", "SecurityConfiguration", "NotificationProperty")
        request = StartRequest(
            scope=trigger.scope,
            job_name=action["JobName"],
            arguments=action.get("Arguments"),
            overrides={name: action[name] for name in overrides if action.get(name) is not None},
            trigger_name=trigger.name,
            workflow_name=origin.workflow_name,
            workflow_run_id=origin.workflow_run_id,
            predecessors=origin.predecessors,
        )
        try:
            self._lifecycle.start_in(tx, request)
        except ServiceError as error:
            if refuse:
                raise
            recorded = self._lifecycle.record_refusal(tx, request, "FAILED", error.message)
            log.warning(
                "trigger_action_refused",
                trigger=trigger.name,
                job=action["JobName"],
                run=recorded,
                reason=error.message,
            )

    # -- schedules ---------------------------------------------------------------------------------

    def next_tick(self, tx: Connection) -> Any:
        """When the next schedule is due; None when there is none."""
        return triggers.next_tick(tx)

    def due(self, tx: Connection) -> list[tuple[str, str]]:
        """(scope, name) of the triggers whose time has come."""
        return [(trigger.scope, trigger.name) for trigger in triggers.due(tx, self._clock.now(), 100)]

    def tick(self, tx: Connection, key: tuple[str, str]) -> None:
        """Fire one due trigger and set its next tick. Ticks missed while nobody watched come as one."""
        now = self._clock.now()
        trigger = triggers.find(tx, *key)
        if (
            trigger is None
            or trigger.state != "ACTIVATED"
            or trigger.next_tick is None
            or trigger.next_tick > now
        ):
            return
        following = cron.parse(trigger.body["Schedule"]).next_after(now)
        triggers.change(tx, trigger, next_tick=following)
        self.fire(tx, trigger, f"tick:{trigger.next_tick.isoformat()}", Origin())
