"""Usage profiles and custom entity types. State: documents of these kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.context import Context, split_scope
from mastic.errors import already_exists, invalid_input, not_found
from mastic.glue import tags as glue_tags
from mastic.glue.pages import Pager
from mastic.store import documents, iam, tags
from mastic.store.engine import Duplicate, Store

PROFILE = "usage_profile"
ENTITY_TYPE = "custom_entity_type"
PAGE = 100
# What a profile can set and limit, and whether it is a number.
PARAMETERS = {"numberOfWorkers": True, "workerType": False, "timeout": True, "idleTimeout": True}


class UsageProfiles:
    """The handlers of usage profiles."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager

    def create_usage_profile(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises AlreadyExistsException, InvalidInputException for limits that make no sense."""
        _check(request["Configuration"])
        body: dict[str, Any] = {m: request[m] for m in ("Description", "Configuration") if m in request}
        name = request["Name"]
        try:
            with self._store.write() as tx:
                documents.add(tx, context.scope, PROFILE, name, body, self._clock.now())
                _tag(tx, context, "usageProfile", name, request)
        except Duplicate:
            raise already_exists(f"Usage profile {name} already exists.") from None
        return {"Name": name}

    def get_usage_profile(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            found = documents.find(tx, context.scope, PROFILE, request["Name"])
        if found is None:
            raise not_found(f"Usage profile {request['Name']} not found.")
        return {**found.body, "Name": found.name, "CreatedOn": found.created, "LastModifiedOn": found.updated}

    def list_usage_profiles(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name."""
        count = request.get("MaxResults", PAGE)
        after = self._pager.read(request.get("NextToken"), "ListUsageProfiles", context.scope) or ""
        with self._store.read() as tx:
            found = documents.page(tx, context.scope, PROFILE, after, count + 1)
        token = self._pager.token(found, count, lambda d: d.name, "ListUsageProfiles", context.scope)
        profiles = [
            {
                "Name": one.name,
                "Description": one.body.get("Description"),
                "CreatedOn": one.created,
                "LastModifiedOn": one.updated,
            }
            for one in found[:count]
        ]
        return {"Profiles": profiles, "NextToken": token}

    def update_usage_profile(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Replaces the profile. Raises EntityNotFoundException, InvalidInputException as for a new one."""
        _check(request["Configuration"])
        body: dict[str, Any] = {m: request[m] for m in ("Description", "Configuration") if m in request}
        with self._store.write() as tx:
            if not documents.replace(tx, context.scope, PROFILE, request["Name"], body, self._clock.now()):
                raise not_found(f"Usage profile {request['Name']} not found.")
        return {"Name": request["Name"]}

    def delete_usage_profile(self, context: Context, request: dict[str, Any]) -> None:
        """A profile that does not exist is no mistake."""
        with self._store.write() as tx:
            documents.remove(tx, context.scope, PROFILE, request["Name"])
            tags.delete_arn(tx, context.scope, glue_tags.arn(context.scope, "usageProfile", request["Name"]))


class CustomEntityTypes:
    """The handlers of custom entity types."""

    def __init__(self, *, store: Store, clock: Clock, pager: Pager) -> None:
        self._store = store
        self._clock = clock
        self._pager = pager

    def create_custom_entity_type(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises AlreadyExistsException, InvalidInputException for what is no regular expression."""
        import regex

        name = request["Name"]
        try:
            regex.compile(request["RegexString"])
        except regex.error as error:
            raise invalid_input(f"Invalid regular expression: {error}") from None
        body: dict[str, Any] = {m: request[m] for m in ("RegexString", "ContextWords") if m in request}
        try:
            with self._store.write() as tx:
                documents.add(tx, context.scope, ENTITY_TYPE, name, body, self._clock.now())
                _tag(tx, context, "customEntityType", name, request)
        except Duplicate:
            raise already_exists(f"Custom entity type {name} already exists.") from None
        return {"Name": name}

    def get_custom_entity_type(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._store.read() as tx:
            found = documents.find(tx, context.scope, ENTITY_TYPE, request["Name"])
        if found is None:
            raise not_found(f"Custom entity type {request['Name']} not found.")
        return {"Name": found.name, **found.body}

    def batch_get_custom_entity_types(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Those that exist, and the names of the others."""
        names = list(dict.fromkeys(request["Names"]))
        with self._store.read() as tx:
            found = documents.named(tx, context.scope, ENTITY_TYPE, names)
        return {
            "CustomEntityTypes": [{"Name": name, **found[name].body} for name in names if name in found],
            "CustomEntityTypesNotFound": [name for name in names if name not in found],
        }

    def list_custom_entity_types(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """By name; Tags keeps those that carry all of them."""
        count = request.get("MaxResults", PAGE)
        bound = f"{context.scope}{request.get('Tags')!r}"
        after = self._pager.read(request.get("NextToken"), "ListCustomEntityTypes", bound) or ""
        found: list[documents.Document] = []
        with self._store.read() as tx:
            tagged = glue_tags.names_with(tx, context.scope, "customEntityType", request.get("Tags"))
            while len(found) <= count:
                some = documents.page(tx, context.scope, ENTITY_TYPE, after, 500)
                found += [one for one in some if tagged is None or one.name in tagged]
                if len(some) < 500:
                    break
                after = some[-1].name
        token = self._pager.token(found, count, lambda d: d.name, "ListCustomEntityTypes", bound)
        types = [{"Name": one.name, **one.body} for one in found[:count]]
        return {"CustomEntityTypes": types, "NextToken": token}

    def delete_custom_entity_type(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        name = request["Name"]
        with self._store.write() as tx:
            if not documents.remove(tx, context.scope, ENTITY_TYPE, name):
                raise not_found(f"Custom entity type {name} not found.")
            tags.delete_arn(tx, context.scope, glue_tags.arn(context.scope, "customEntityType", name))
        return {"Name": name}


def _check(configuration: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Raise InvalidInputException for a parameter that profiles do not have, or limits that nothing can keep to."""
    for part in configuration.values():
        for name, limits in part.items():
            if name not in PARAMETERS:
                raise invalid_input(
                    f"{name} is no parameter of a usage profile: use one of {', '.join(PARAMETERS)}."
                )
            _check_one(name, limits)


def _check_one(name: str, limits: Mapping[str, Any]) -> None:
    default, allowed = limits.get("DefaultValue"), limits.get("AllowedValues") or []
    if default is not None and allowed and default not in allowed:
        raise invalid_input(f"{name}: DefaultValue {default} is not one of AllowedValues.")
    if not PARAMETERS[name]:
        if "MinValue" in limits or "MaxValue" in limits:
            raise invalid_input(f"{name}: MinValue and MaxValue are for numbers.")
        return
    least, given, most = (_number(name, limits.get(one)) for one in ("MinValue", "DefaultValue", "MaxValue"))
    for one in allowed:
        _number(name, one)
    if least is not None and most is not None and least > most:
        raise invalid_input(f"{name}: MinValue {least} is greater than MaxValue {most}.")
    if given is not None and least is not None and given < least:
        raise invalid_input(f"{name}: DefaultValue {given} is less than MinValue {least}.")
    if given is not None and most is not None and given > most:
        raise invalid_input(f"{name}: DefaultValue {given} is greater than MaxValue {most}.")


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise invalid_input(f"{name}: {text!r} is not a number.")
    return int(text)


# The tag of a user or role that assigns it a profile.
ASSIGNMENT = "glue:UsageProfile"


def assigned(tx: Connection, scope: str, principal_arn: str) -> documents.Document | None:
    """The profile that the caller's role or user is assigned; None for no profile.

    Raises InvalidInputException for an assignment of a profile that does not exist.
    """
    account = split_scope(scope)[0]
    kind, _, path = principal_arn.split(":", 5)[-1].partition("/")
    if kind == "assumed-role":
        entity = iam.find(tx, account, "role", path.partition("/")[0])
    elif kind == "user":
        entity = iam.find(tx, account, "user", path.rpartition("/")[2])
    else:
        return None
    name = entity.body.get("Tags", {}).get(ASSIGNMENT) if entity else None
    if not name:
        return None
    found = documents.find(tx, scope, PROFILE, name)
    if found is None:
        raise invalid_input(f"Usage profile {name}, which is assigned to {principal_arn}, not found.")
    return found


def profile_exists(tx: Connection, scope: str, name: str) -> bool:
    """Whether a taggable usage profile of this name exists."""
    return documents.find(tx, scope, PROFILE, name) is not None


def entity_type_exists(tx: Connection, scope: str, name: str) -> bool:
    """Whether a taggable custom entity type of this name exists."""
    return documents.find(tx, scope, ENTITY_TYPE, name) is not None


def _tag(tx: Connection, context: Context, kind: str, name: str, request: dict[str, Any]) -> None:
    if request.get("Tags"):
        tags.put(tx, context.scope, glue_tags.arn(context.scope, kind, name), request["Tags"])
