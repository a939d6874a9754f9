"""The ASGI application that calls the services' handlers and keeps their state. Owns what is in memory."""

from __future__ import annotations

import asyncio
import copy
import hmac
import importlib
import json
import os
import sys
import threading
import time
import types
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from .links import connect
from .state import Entries, State
from .way_back import Answer, Server

# botocore's name → ministack's module; a change may touch the state of further services.
SERVICES = {
    "sqs": "sqs",
    "sns": "sns",
    "kms": "kms",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "dynamodb": "dynamodb",
    "dynamodbstreams": "dynamodb_streams",
    "stepfunctions": "stepfunctions",
    "ec2": "ec2",
}
TOUCHES = {"sns": ("sns", "sqs"), "dynamodb": ("dynamodb", "dynamodbstreams")}
READS = ("Get", "List", "Describe", "BatchGet", "Query", "Scan", "TransactGet", "Encrypt", "Decrypt", "ReEncrypt",
         "GenerateDataKey", "GenerateRandom", "Sign", "Verify", "GenerateMac", "Validate", "Test")  # fmt: skip
# Reads by name that change something: receipts and receive counts, execution progress, default networks.
CHANGES = {("sqs", "ReceiveMessage"), ("ec2", "*"), ("stepfunctions", "GetActivityTask")}
OUTBOX = "_outbox"
# Parts whose entries hold many things: one row for each message and each item, so that a change writes one.
SPLIT = {("sqs", "queues"): "messages", ("dynamodb", "tables"): "items"}
MOVING = ("receipt_handle", "visible_at", "receive_count", "first_receive_at")


class Host:
    """The ASGI application."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._secret = order["secret"]
        self.server = Server(order["server"])
        self._state = State(order["state"])
        self._modules: dict[str, Any] = {}
        self._restored: set[str] = set()
        self.outbox: dict[str, dict[str, Any]] = {}
        self._places: dict[str, int] = {}
        self._last_place = 0
        self._rows_seen: dict[tuple[str, str], dict[str, tuple[Any, ...]]] = {}
        self._waiting: list[tuple[set[str], asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        import ministack.core.persistence as persistence
        import ministack.core.responses as responses

        self._persistence, self._responses = persistence, responses

    # -- life --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """On the event loop, before the first request."""
        import ministack.app

        ministack.app._MAIN_LOOP = self.loop
        stored = self._state.load()
        self.outbox = {key: json.loads(value) for key, _, value in stored.pop(OUTBOX, {}).get("", [])}
        for service, parts in stored.items():
            self._module(service).load_persisted_state(self._restore(service, parts))
        self._saving = asyncio.ensure_future(self._save_forever())
        self._moving = asyncio.ensure_future(self._save_progress())
        threading.Thread(target=self._deliver_forever, daemon=True).start()

    def _module(self, service: str) -> Any:
        if service not in self._modules:
            module = importlib.import_module(f"ministack.services.{SERVICES[service]}")
            import ministack.app

            ministack.app._loaded_modules[SERVICES[service]] = module
            self._modules[service] = module
            connect(self, service, module)
        return self._modules[service]

    # -- state -------------------------------------------------------------------------------------

    def _restore(self, service: str, parts: dict[str, list[tuple[str, str, str]]]) -> dict[str, Any]:
        hook = self._persistence._json_object_hook
        data: dict[str, Any] = {}
        for part, entries in parts.items():
            if "/" in part:
                continue
            kind = entries[0][1]
            if kind == "plain":
                data[part] = json.loads(entries[0][2], object_hook=hook)
                continue
            scoped = [(key, json.loads(value, object_hook=hook)) for key, _, value in entries if key != ""]
            inner = SPLIT.get((service, part))
            if inner is not None:
                self._join(inner, dict(scoped), parts.get(f"{part}/{inner}", []), hook)
            mark = "__account_region_scoped__" if kind == "region" else "__scoped__"
            data[part] = hook({mark: True, "data": dict(scoped)})
        return data

    def _join(self, inner: str, owners: dict[str, Any], rows: list[tuple[str, str, str]], hook: Any) -> None:
        """Give queues their messages and tables their items back."""
        for each in owners.values():
            each[inner] = [] if inner == "messages" else {}
        found = []
        for key, _, value in rows:
            owner, _, row = key.partition("\x01")
            found.append((owners[owner][inner], json.loads(row), json.loads(value, object_hook=hook)))
        if inner == "items":
            for held, (first, second), item in found:
                held.setdefault(first, {})[second] = item
            return
        for held, (name,), (place, message) in sorted(found, key=lambda each: each[2][0]):
            self._places[name] = place
            self._last_place = max(self._last_place, place)
            held.append(message)

    def _dump(self, service: str) -> Entries:
        """(part, key) → (kind, JSON) of all that a service knows. On the event loop: handlers run there too."""
        if service == OUTBOX:
            return {("", key): ("plain", json.dumps(value)) for key, value in self.outbox.items()}
        module = self._module(service)
        # get_state copies everything deeply, for a caller that writes later; this one writes at once.
        uncopied = {
            **vars(module),
            "copy": types.SimpleNamespace(deepcopy=lambda value: value, copy=copy.copy),
        }
        state = types.FunctionType(module.get_state.__code__, uncopied)()
        return self._entries(service, state)

    def _entries(self, service: str, state: dict[str, Any]) -> Entries:
        default = self._persistence._json_default
        region, account = self._responses.AccountRegionScopedDict, self._responses.AccountScopedDict
        entries: Entries = {}
        for part, value in state.items():
            if isinstance(value, region | account):
                kind = "region" if isinstance(value, region) else "account"
                entries[(part, "")] = (kind, "null")
                for key, item in list(value._data.items()):
                    name = "\x00".join([*key[:-1], repr(key[-1])])
                    inner = SPLIT.get((service, part))
                    if inner is not None:
                        entries |= self._rows(f"{part}/{inner}", name, item[inner], default)
                        item = {field: value for field, value in item.items() if field != inner}
                    entries[(part, name)] = (kind, json.dumps(item, default=default))
            else:
                entries[(part, "")] = ("plain", json.dumps(value, default=default))
        return entries

    def _rows(self, part: str, owner: str, held: Any, default: Any) -> Entries:
        """One entry for each message or item; those that did not change are not written out anew."""
        before, after = self._rows_seen.get((part, owner), {}), {}
        for row, thing, mark, place in self._things(held):
            seen = before.get(row)
            # An item is replaced when it changes; a message changes in the fields of its mark only.
            if seen is None or seen[0] is not thing or seen[1] != mark:
                text = json.dumps(thing if place is None else [place, thing], default=default)
                seen = (thing, mark, ("row", text))
            after[row] = seen
        self._rows_seen[(part, owner)] = after
        return {(part, f"{owner}\x01{row}"): seen[2] for row, seen in after.items()}

    def _things(self, held: Any) -> Iterator[tuple[str, Any, Any, int | None]]:
        if isinstance(held, dict):
            for first, bucket in list(held.items()):
                for second, item in list(bucket.items()):
                    yield json.dumps([first, second]), item, None, None
            return
        for message in list(held):
            if message["id"] not in self._places:
                self._last_place += 1
                self._places[message["id"]] = self._last_place
            mark = tuple(message.get(field) for field in MOVING)
            yield json.dumps([message["id"]]), message, mark, self._places[message["id"]]

    async def saved(self, services: set[str]) -> None:
        """Return when the present state of ``services`` is on disk."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((services, done))
        self._wake.set()
        await done

    async def _save_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            waiting, self._waiting = self._waiting, []
            try:
                services = set().union(*(each for each, _ in waiting))
                statements = self._state.changes({service: self._retry(service) for service in services})
                if statements:
                    await asyncio.get_running_loop().run_in_executor(None, self._state.write, statements)
            except BaseException as error:  # noqa: BLE001  nobody may be answered any more
                # What was meant to be written may be half remembered as written: start over from the file.
                print(f"cannot save: {error!r}", file=sys.stderr, flush=True)
                os._exit(70)
            for _, done in waiting:
                if not done.done():
                    done.set_result(None)

    def _retry(self, service: str) -> Entries:
        """Dump; background threads (executions, expiry) may change a dict under way."""
        for attempt in range(50):
            try:
                return self._dump(service)
            except RuntimeError:
                if attempt == 49:
                    raise
                time.sleep(0.001)
        raise AssertionError

    async def _save_progress(self) -> None:
        """Executions go on without calls, and change what their tasks touch: keep the file up with them."""
        while True:
            await asyncio.sleep(1.0)
            if "stepfunctions" in self._modules:
                await self.saved(set(self._modules))

    # -- requests ----------------------------------------------------------------------------------

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        if not hmac.compare_digest(headers.pop("x-mastic-secret", ""), self._secret):
            await _answer(send, 403, {}, b"")
            return
        service = headers.pop("x-mastic-service")
        account, region = headers.pop("x-mastic-account"), headers.pop("x-mastic-region")
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            status, answer, content = await self._call(scope, service, account, region, headers, body)
        except Exception as error:  # noqa: BLE001  the edge: every failure is an answer
            print(f"{service}: {error!r}", file=sys.stderr, flush=True)
            status, answer = 500, {"Content-Type": "application/x-amz-json-1.0"}
            content = json.dumps({"__type": "InternalFailure", "message": "Internal error"}).encode()
        await _answer(send, status, answer, content)

    async def _call(
        self,
        scope: dict[str, Any],
        service: str,
        account: str,
        region: str,
        headers: dict[str, Any],
        body: bytes,
    ) -> Answer:
        self._responses.set_request_account_id(account)
        self._responses.set_request_region(region)
        query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
        action = _action(headers, query, body)
        module = self._module(service)
        status, answer, content = await module.handle_request(
            scope["method"], scope["path"], headers, body, query
        )
        self._responses.fix_error_content_type(service, status, answer)
        self._responses.fix_success_content_type(service, status, answer)
        pending = len(self.outbox)
        if _changes(service, action) or pending:
            await self.saved({*TOUCHES.get(service, (service,)), OUTBOX} & {*self._modules, OUTBOX})
        answer = {**answer, "x-amzn-RequestId": answer.get("x-amzn-requestid", str(uuid.uuid4()))}
        return status, answer, content if isinstance(content, bytes) else str(content).encode()

    # -- what goes back to the server ----------------------------------------------------------------

    def put(self, key: str, message: dict[str, Any]) -> None:
        """Hand a message to the server: stored with the change that caused it, delivered until it is taken."""
        self.outbox[key] = message

    def _deliver_forever(self) -> None:
        pause = 0.05
        while True:
            for key, message in list(self.outbox.items()):
                try:
                    self.server.tell({"key": key, **message})
                except OSError:
                    pause = min(pause * 2, 5.0)
                    break
                self.outbox.pop(key, None)
                asyncio.run_coroutine_threadsafe(self.saved({OUTBOX}), self.loop).result()
                pause = 0.05
            time.sleep(pause)


def _action(headers: dict[str, Any], query: dict[str, Any], body: bytes) -> str:
    target = headers.get("x-amz-target", "")
    if target:
        return str(target.rpartition(".")[2])
    if "Action" in query:
        return str(query["Action"][0])
    form = parse_qs(body.decode("utf-8", errors="replace")) if b"Action=" in body else {}
    return form.get("Action", [""])[0]


def _changes(service: str, action: str) -> bool:
    if (service, action) in CHANGES or (service, "*") in CHANGES:
        return True
    return not action.startswith(READS)


async def _answer(send: Any, status: int, headers: dict[str, str], content: bytes) -> None:
    kept = {
        k: v for k, v in headers.items() if k.lower() not in ("content-length", "access-control-allow-origin")
    }
    listed = [(k.encode("latin-1"), str(v).encode("latin-1")) for k, v in kept.items()]
    listed.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": content})
