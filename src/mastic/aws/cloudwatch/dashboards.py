"""Dashboards: JSON documents by name. Owns the rows of ``cloudwatch_dashboards``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from mastic.clock import Clock
from mastic.context import Context
from mastic.errors import ServiceError
from mastic.store import alarms
from mastic.store.alarms import Dashboard
from mastic.store.engine import Store


@dataclass(frozen=True, kw_only=True)
class Dashboards:
    """Operations on dashboards, which are global to an account."""

    store: Store
    clock: Clock

    def put_dashboard(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        try:
            body = orjson.loads(request["DashboardBody"])
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise ServiceError(
                "InvalidParameterInput",
                "The dashboard body is invalid, there are 1 validation errors",
                status=400,
                dashboardValidationMessages=[
                    {"DataPath": "/", "Message": "The value of parameter DashboardBody must be a JSON object"}
                ],
            )
        made = Dashboard(
            name=request["DashboardName"], body=request["DashboardBody"], modified=self.clock.now()
        )
        with self.store.write() as tx:
            alarms.put_dashboard(tx, context.account_id, made)
        return {"DashboardValidationMessages": []}

    def get_dashboard(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        found = self._all(context).get(request["DashboardName"])
        if found is None:
            raise _missing(request["DashboardName"])
        return {**_head(context, found), "DashboardBody": found.body}

    def list_dashboards(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("DashboardNamePrefix", "")
        entries = [
            {**_head(context, each), "LastModified": each.modified, "Size": len(each.body.encode())}
            for name, each in self._all(context).items()
            if name.startswith(prefix)
        ]
        return {"DashboardEntries": entries}

    def delete_dashboards(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        names = request["DashboardNames"]
        with self.store.write() as tx:
            known = {each.name for each in alarms.list_dashboards(tx, context.account_id)}
            for name in names:
                if name not in known:
                    raise _missing(name)
            alarms.remove_dashboards(tx, context.account_id, names)
        return {}

    def _all(self, context: Context) -> dict[str, Dashboard]:
        with self.store.read() as tx:
            return {each.name: each for each in alarms.list_dashboards(tx, context.account_id)}


def _head(context: Context, dashboard: Dashboard) -> dict[str, str]:
    arn = f"arn:aws:cloudwatch::{context.account_id}:dashboard/{dashboard.name}"
    return {"DashboardName": dashboard.name, "DashboardArn": arn}


def _missing(name: str) -> ServiceError:
    return ServiceError("ResourceNotFound", f"Dashboard {name} does not exist", status=404)
