"""What a function has beside its configuration: concurrency, asynchronous invocation, tags; and the account.

State: ``lambda_functions``, ``lambda_parts``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from mastic.aws.lambda_ import configurations, lookup
from mastic.aws.lambda_.names import FunctionRef, function_arn, invalid, missing, parse
from mastic.aws.lambda_.packages import LARGEST_UNZIPPED, LARGEST_UPLOAD
from mastic.aws.lambda_.paging import MarkerPages
from mastic.clock import Clock
from mastic.context import Context
from mastic.ids import Ids
from mastic.store import lambda_, lambda_events
from mastic.store.engine import Store
from mastic.store.lambda_ import INVOKE_CONFIG, LATEST, Part

_DESTINATIONS = ("sqs", "sns", "lambda", "events")


@dataclass(frozen=True, kw_only=True)
class _Tagged:
    """A function or an event source mapping, as far as its tags go."""

    tags: dict[str, str]
    store: Callable[[dict[str, str]], None]


def _tagged(tx: Connection, context: Context, arn: str) -> _Tagged:
    _, kind, mapping_id = arn.rpartition(":event-source-mapping:")
    if not kind:
        function = lookup.function(tx, parse(context, arn))
        return _Tagged(tags=function.tags, store=lambda tags: lambda_.change(tx, function, tags=tags))
    mapping = lambda_events.get(tx, context.scope, mapping_id)
    if mapping is None:
        raise missing()
    return _Tagged(
        tags=mapping.body.get("Tags") or {},
        store=lambda tags: lambda_events.change(tx, mapping.id, body={**mapping.body, "Tags": tags}),
    )


class Settings:
    """Handlers. ``concurrency`` is how many calls this server runs at once."""

    def __init__(self, *, store: Store, concurrency: int) -> None:
        self._store = store
        self._concurrency = concurrency

    # -- concurrency ---------------------------------------------------------------------------------

    def put_function_concurrency(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        wanted = request["ReservedConcurrentExecutions"]
        with self._store.write() as tx:
            function = lookup.function(tx, ref)
            _, _, reserved = lambda_.usage(tx, ref.scope)
            if reserved - (function.reserved or 0) + wanted > self._concurrency:
                raise invalid(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    "UnreservedConcurrentExecution below its minimum value of [0]."
                )
            lambda_.change(tx, function, reserved=wanted)
        return {"ReservedConcurrentExecutions": wanted}

    def get_function_concurrency(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            function = lookup.function(tx, parse(context, request["FunctionName"]))
        return {"ReservedConcurrentExecutions": function.reserved}

    def delete_function_concurrency(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            lambda_.change(tx, lookup.function(tx, parse(context, request["FunctionName"])), reserved=None)

    # -- tags ----------------------------------------------------------------------------------------

    def tag_resource(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            tagged = _tagged(tx, context, request["Resource"])
            tagged.store({**tagged.tags, **request["Tags"]})

    def untag_resource(self, context: Context, request: dict[str, Any]) -> None:
        with self._store.write() as tx:
            tagged = _tagged(tx, context, request["Resource"])
            tagged.store({k: v for k, v in tagged.tags.items() if k not in request["TagKeys"]})

    def list_tags(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            return {"Tags": _tagged(tx, context, request["Resource"]).tags}

    # -- what is always the same here ----------------------------------------------------------------

    def get_account_settings(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        with self._store.read() as tx:
            functions, size, reserved = lambda_.usage(tx, context.scope)
        return {
            "AccountLimit": {
                "TotalCodeSize": 80_530_636_800,
                "CodeSizeUnzipped": LARGEST_UNZIPPED,
                "CodeSizeZipped": LARGEST_UPLOAD,
                "ConcurrentExecutions": self._concurrency,
                "UnreservedConcurrentExecutions": self._concurrency - reserved,
            },
            "AccountUsage": {"TotalCodeSize": size, "FunctionCount": functions},
        }

    def get_function_code_signing_config(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = self._named(context, request)
        return {"CodeSigningConfigArn": "", "FunctionName": ref.name}

    def get_runtime_management_config(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = self._named(context, request)
        arn = function_arn(ref.scope, ref.name, request.get("Qualifier") or LATEST)
        return {
            "UpdateRuntimeOn": "Auto",
            "FunctionArn": arn,
            "RuntimeVersionArn": configurations.runtime_arn(arn),
        }

    def get_function_recursion_config(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        # Calls in a circle are not detected here, so nothing is terminated.
        self._named(context, request)
        return {"RecursiveLoop": "Allow"}

    def list_function_url_configs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self._named(context, request)
        return {"FunctionUrlConfigs": []}

    def get_function_url_config(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        self._named(context, request)
        raise missing()

    def create_function_url_config(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        raise invalid("Function URLs are not implemented by Mastic: call the function with Invoke")

    def _named(self, context: Context, request: dict[str, Any]) -> FunctionRef:
        ref = parse(context, request["FunctionName"])
        with self._store.read() as tx:
            lookup.function(tx, ref)
        return ref


class InvokeConfigs:
    """Handlers of the settings of asynchronous invocation."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, pages: MarkerPages) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._pages = pages

    def put_function_event_invoke_config(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.write() as tx:
            return self._put(tx, ref, _given(request))

    def update_function_event_invoke_config(
        self, context: Context, request: dict[str, Any]
    ) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.write() as tx:
            return self._put(tx, ref, {**self._get(tx, ref).body, **_given(request)})

    def get_function_event_invoke_config(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.read() as tx:
            return _shown(self._get(tx, ref))

    def delete_function_event_invoke_config(self, context: Context, request: dict[str, Any]) -> None:
        ref = parse(context, request["FunctionName"], request.get("Qualifier"))
        with self._store.write() as tx:
            self._get(tx, ref)
            lambda_.remove_part(tx, ref.scope, ref.name, INVOKE_CONFIG, ref.qualifier or LATEST)

    def list_function_event_invoke_configs(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        ref = parse(context, request["FunctionName"])
        size = request.get("MaxItems", 50)
        after = self._pages.key(context, request, default="")
        with self._store.read() as tx:
            lookup.function(tx, ref)
            found = lambda_.list_parts(tx, ref.scope, ref.name, INVOKE_CONFIG, after=after, limit=size + 1)
        answer = self._pages.page(
            context, request, "FunctionEventInvokeConfigs", found, size, key=lambda part: part.qualifier
        )
        answer["FunctionEventInvokeConfigs"] = [_shown(part) for part in answer["FunctionEventInvokeConfigs"]]
        return answer

    def _get(self, tx: Connection, ref: FunctionRef) -> Part:
        lookup.function(tx, ref)
        found = lambda_.get_part(tx, ref.scope, ref.name, INVOKE_CONFIG, ref.qualifier or LATEST)
        if found is None:
            arn = function_arn(ref.scope, ref.name, ref.qualifier or LATEST)
            raise missing(f"The function {arn} doesn't have an EventInvokeConfig")
        return found

    def _put(self, tx: Connection, ref: FunctionRef, body: dict[str, Any]) -> dict[str, Any]:
        lookup.qualified(tx, ref)
        part = Part(
            scope=ref.scope,
            name=ref.name,
            kind=INVOKE_CONFIG,
            qualifier=ref.qualifier or LATEST,
            revision=self._ids.uuid(),
            modified=self._clock.now(),
            body=body,
        )
        lambda_.put_part(tx, part)
        return _shown(part)


def _given(request: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {
        member: request[member]
        for member in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
        if member in request
    }
    for condition, target in (body.get("DestinationConfig") or {}).items():
        arn = (target or {}).get("Destination", "")
        if arn and arn.split(":")[2:3] not in [[service] for service in _DESTINATIONS]:
            raise invalid(
                f"{condition}: Mastic sends results to {', '.join(_DESTINATIONS)} only, not to {arn}"
            )
    return body


def _shown(part: Part) -> dict[str, Any]:
    return {
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
        **part.body,
        "FunctionArn": function_arn(part.scope, part.name, part.qualifier),
        "LastModified": part.modified,
    }
