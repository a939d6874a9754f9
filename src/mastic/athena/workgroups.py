"""Work groups: CreateWorkGroup, GetWorkGroup, ListWorkGroups, UpdateWorkGroup, DeleteWorkGroup.

``primary`` exists for everybody and cannot be deleted; it is written down when somebody changes it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from mastic.athena.failures import invalid
from mastic.athena.metadata import tags_of
from mastic.clock import Clock
from mastic.context import Context
from mastic.store import athena as rows
from mastic.store import tags
from mastic.store.engine import Duplicate, Store
from mastic.wire.paging import Pages

PRIMARY = "primary"
ENGINE = "Athena engine version 3"
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)
_DEFAULT_PAGE = 50
# Removal flag of UpdateWorkGroup → the member of ResultConfiguration it removes.
_REMOVALS = {
    "RemoveOutputLocation": "OutputLocation",
    "RemoveEncryptionConfiguration": "EncryptionConfiguration",
    "RemoveExpectedBucketOwner": "ExpectedBucketOwner",
    "RemoveAclConfiguration": "AclConfiguration",
}
_UPDATABLE = (
    "EnforceWorkGroupConfiguration",
    "PublishCloudWatchMetricsEnabled",
    "BytesScannedCutoffPerQuery",
    "RequesterPaysEnabled",
    "AdditionalConfiguration",
    "ExecutionRole",
    "CustomerContentEncryptionConfiguration",
    "EnableMinimumEncryptionConfiguration",
)


class WorkGroups:
    """The work group operations."""

    def __init__(self, *, store: Store, clock: Clock, pages: Pages) -> None:
        self._store = store
        self._clock = clock
        self._pages = pages

    def create_work_group(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        body = {
            "State": "ENABLED",
            "Configuration": _configuration(request.get("Configuration") or {}),
            **({"Description": request["Description"]} if "Description" in request else {}),
        }
        if name == PRIMARY:
            raise invalid("WorkGroup is already created")
        try:
            with self._store.write() as tx:
                rows.add_workgroup(tx, context.scope, name, body, self._clock.now())
                given = tags_of(request)
                if given:
                    tags.put(tx, context.scope, arn(context, name), given)
        except Duplicate:
            raise invalid("WorkGroup is already created") from None
        return {}

    def get_work_group(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return {"WorkGroup": read(tx, context, request["WorkGroup"])}

    def list_work_groups(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        limit = request.get("MaxResults", _DEFAULT_PAGE)
        after = self._pages.key(context, request, default="")
        with self._store.read() as tx:
            found = [
                _summary(r.name, r.body, r.created)
                for r in rows.list_workgroups(tx, context.scope, after, limit + 1)
            ]
            if not after and not rows.workgroup(tx, context.scope, PRIMARY):
                found.append(_summary(PRIMARY, _primary(), _BEGINNING))
                found.sort(key=lambda g: str(g["Name"]))
        return self._pages.page(context, request, "WorkGroups", found, limit, key=lambda g: g["Name"])

    def update_work_group(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name = request["WorkGroup"]
        with self._store.write() as tx:
            row = rows.workgroup(tx, context.scope, name)
            if row is None and name != PRIMARY:
                raise invalid(f"WorkGroup {name} is not found.")
            body = dict(row.body if row else _primary())
            for member in ("Description", "State"):
                if member in request:
                    body[member] = request[member]
            if "ConfigurationUpdates" in request:
                body["Configuration"] = _updated(body["Configuration"], request["ConfigurationUpdates"])
            if row is None:
                rows.add_workgroup(tx, context.scope, name, body, _BEGINNING)
            else:
                rows.put_workgroup(tx, context.scope, name, body)
        return {}

    def delete_work_group(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name = request["WorkGroup"]
        if name == PRIMARY:
            raise invalid("The primary workgroup cannot be deleted")
        with self._store.write() as tx:
            if rows.workgroup(tx, context.scope, name) is None:
                raise invalid(f"WorkGroup {name} is not found.")
            if not request.get("RecursiveDeleteOption") and not rows.is_empty(tx, context.scope, name):
                raise invalid(f"WorkGroup {name} is not empty")
            rows.delete_workgroup(tx, context.scope, name)
            tags.delete_arn(tx, context.scope, arn(context, name))
        return {}

    def list_engine_versions(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        versions = (("AUTO", ENGINE), (ENGINE, ENGINE))
        return {
            "EngineVersions": [{"SelectedEngineVersion": s, "EffectiveEngineVersion": e} for s, e in versions]
        }


def arn(context: Context, name: str) -> str:
    """A work group's ARN."""
    return f"arn:aws:athena:{context.region}:{context.account_id}:workgroup/{name}"


def read(tx: Connection, context: Context, name: str) -> dict[str, Any]:
    """The API's WorkGroup. Raises ServiceError for one that there is not."""
    row = rows.workgroup(tx, context.scope, name)
    if row is not None:
        return {"Name": name, "CreationTime": row.created, **row.body}
    if name == PRIMARY:
        return {"Name": name, "CreationTime": _BEGINNING, **_primary()}
    raise invalid(f"WorkGroup {name} is not found.")


def _primary() -> dict[str, Any]:
    return {"State": "ENABLED", "Configuration": _configuration({"EnforceWorkGroupConfiguration": False})}


def _configuration(given: dict[str, Any]) -> dict[str, Any]:
    selected = (given.get("EngineVersion") or {}).get("SelectedEngineVersion", "AUTO")
    return {
        "EnforceWorkGroupConfiguration": True,
        "PublishCloudWatchMetricsEnabled": False,
        "RequesterPaysEnabled": False,
        "EnableMinimumEncryptionConfiguration": False,
        "ResultConfiguration": {},
        **given,
        "EngineVersion": _engine(selected),
    }


def _engine(selected: str) -> dict[str, str]:
    if selected not in ("AUTO", ENGINE):
        raise invalid(f"Engine version {selected} is not available here; use AUTO or {ENGINE}")
    return {"SelectedEngineVersion": selected, "EffectiveEngineVersion": ENGINE}


def _updated(present: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    changed = {**present, **{k: updates[k] for k in _UPDATABLE if k in updates}}
    if updates.get("RemoveBytesScannedCutoffPerQuery"):
        changed.pop("BytesScannedCutoffPerQuery", None)
    if updates.get("RemoveCustomerContentEncryptionConfiguration"):
        changed.pop("CustomerContentEncryptionConfiguration", None)
    if "EngineVersion" in updates:
        changed["EngineVersion"] = _engine(updates["EngineVersion"].get("SelectedEngineVersion", "AUTO"))
    result = dict(changed.get("ResultConfiguration") or {})
    given = updates.get("ResultConfigurationUpdates") or {}
    for flag, member in _REMOVALS.items():
        if given.get(flag):
            result.pop(member, None)
        if member in given:
            result[member] = given[member]
    changed["ResultConfiguration"] = result
    return changed


def _summary(name: str, body: dict[str, Any], created: datetime) -> dict[str, Any]:
    return {
        "Name": name,
        "State": body["State"],
        "Description": body.get("Description", ""),
        "CreationTime": created,
        "EngineVersion": body["Configuration"]["EngineVersion"],
    }
