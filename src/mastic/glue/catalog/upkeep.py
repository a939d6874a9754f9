"""What is done to tables again and again: calls each order's family when its time has come.

An order's next time is set in the transaction that acts on it, and only if nobody did so before: no replica does it
twice. State: ``store.catalog_upkeep``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.store import catalog_upkeep
from mastic.store.catalog_upkeep import Upkeep
from mastic.store.engine import Duplicate, Stale, Store

log = structlog.get_logger()

BATCH = 100

# Acts on an order whose time has come, and sets its next time, within the transaction.
Fire = Callable[[Connection, Upkeep], None]


@dataclass(frozen=True, kw_only=True)
class UpkeepClock:
    """``act`` is called by a loop; it returns the seconds until it wants to be called again."""

    store: Store
    clock: Clock
    fire: Mapping[str, Fire]
    # The kinds of orders that are due as soon as their table has changed.
    on_change: tuple[str, ...] = ()

    IDLE = 30.0
    # How soon a change of a table is seen.
    LOOK = 2.0
    AFTER_FAILURE = 5.0

    def act(self) -> float:
        """Act on what is due."""
        now = self.clock.now()
        with self.store.read() as tx:
            due = catalog_upkeep.due(tx, now, BATCH)
            for kind in self.on_change:
                due += catalog_upkeep.of_changed_tables(tx, kind, BATCH)
        failed = [order for order in due if not self._fire(order)]
        if failed:
            return self.AFTER_FAILURE
        with self.store.read() as tx:
            upcoming = catalog_upkeep.next_due(tx)
        longest = self.IDLE if upcoming is None else max(0.0, (upcoming - self.clock.now()).total_seconds())
        return min(longest, self.LOOK if self.on_change else self.IDLE)

    def _fire(self, order: Upkeep) -> bool:
        try:
            with self.store.write() as tx:
                self.fire[order.kind](tx, order)
        except (Stale, Duplicate):
            log.info("upkeep_done_elsewhere", table=order.table_id, kind=order.kind)
        except Exception:
            log.exception("upkeep_failed", table=order.table_id, kind=order.kind)
            return False
        return True
