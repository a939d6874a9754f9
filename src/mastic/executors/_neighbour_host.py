"""Runs in the interpreter of the runtime "neighbours", never in the server's: hosts ministack's services.

Started by ``neighbours.py`` with this file's path. It reads one line of JSON from standard input (where to keep
state, a secret, how to reach the server), prints one line with its port, and ends when its standard input does.

Only the services in ``SERVICES`` can be reached: their handlers are called directly, ministack's own router, its
administration and its other services are never asked. A change is in the state file, and the file on disk, before
its call is answered; one write answers all calls that arrived while the write before it was under way.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import fcntl
import hmac
import importlib
import json
import os
import socket
import sqlite3
import sys
import threading
import time
import types
import urllib.error
import urllib.request
import uuid
from urllib.parse import parse_qs, urlencode

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
# (part, key) → (kind, JSON) of one service.
Entries = dict[tuple[str, str], tuple[str, str]]


class State:
    """The state file: one row for each entry of each service's state."""

    def __init__(self, directory: str) -> None:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._lock = open(os.path.join(directory, "lock"), "w")  # noqa: SIM115  held until the process ends
        self._wait_for_lock()
        path = os.path.join(directory, "state.db")
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        os.chmod(path, 0o600)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE IF NOT EXISTS state (service TEXT, part TEXT, key TEXT, kind TEXT, value TEXT, "
            "PRIMARY KEY (service, part, key)) WITHOUT ROWID",
        ):
            self._db.execute(statement)
        self._known: dict[str, Entries] = {}

    def _wait_for_lock(self) -> None:
        """A host whose server was killed lets go as soon as it notices."""
        deadline = time.monotonic() + 20
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def load(self) -> dict[str, dict[str, list[tuple[str, str, str]]]]:
        """Service → part → (key, kind, JSON)."""
        found: dict[str, dict[str, list[tuple[str, str, str]]]] = {}
        for service, part, key, kind, value in self._db.execute("SELECT * FROM state"):
            found.setdefault(service, {}).setdefault(part, []).append((key, kind, value))
            self._known.setdefault(service, {})[(part, key)] = (kind, value)
        return found

    def changes(self, services: dict[str, Entries]) -> list[tuple[str, tuple]]:
        """The statements that make the file say what ``services`` says."""
        statements: list[tuple[str, tuple]] = []
        for service, entries in services.items():
            known = self._known.get(service, {})
            for name, entry in entries.items():
                before = known.get(name)
                if before is not entry and before != entry:
                    values = (service, *name, *entry)
                    statements.append(("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?)", values))
            for name in known.keys() - entries.keys():
                statements.append(
                    ("DELETE FROM state WHERE service = ? AND part = ? AND key = ?", (service, *name))
                )
            self._known[service] = entries
        return statements

    def write(self, statements: list[tuple[str, tuple]]) -> None:
        """Apply statements in one transaction, on disk when this returns."""
        self._db.execute("BEGIN IMMEDIATE")
        for statement, values in statements:
            self._db.execute(statement, values)
        self._db.execute("COMMIT")


class Host:
    """The ASGI application."""

    def __init__(self, order: dict) -> None:
        self._secret = order["secret"]
        self.server = Server(order["server"])
        self._state = State(order["state"])
        self._modules: dict[str, types.ModuleType] = {}
        self._restored: set[str] = set()
        self.outbox: dict[str, dict] = {}
        self._places: dict[str, int] = {}
        self._last_place = 0
        self._rows_seen: dict[tuple[str, str], dict[str, tuple]] = {}
        self._waiting: list[tuple[set[str], asyncio.Future]] = []
        self._wake: asyncio.Event | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        import ministack.core.persistence as persistence
        import ministack.core.responses as responses

        self._persistence, self._responses = persistence, responses

    # -- life --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """On the event loop, before the first request."""
        import ministack.app

        self.loop = asyncio.get_running_loop()
        ministack.app._MAIN_LOOP = self.loop
        self._wake = asyncio.Event()
        stored = self._state.load()
        self.outbox = {key: json.loads(value) for key, _, value in stored.pop(OUTBOX, {}).get("", [])}
        for service, parts in stored.items():
            self._module(service).load_persisted_state(self._restore(service, parts))
        self._saving = asyncio.ensure_future(self._save_forever())
        self._moving = asyncio.ensure_future(self._save_progress())
        threading.Thread(target=self._deliver_forever, daemon=True).start()

    def _module(self, service: str) -> types.ModuleType:
        if service not in self._modules:
            module = importlib.import_module(f"ministack.services.{SERVICES[service]}")
            import ministack.app

            ministack.app._loaded_modules[SERVICES[service]] = module
            self._modules[service] = module
            connect(self, service, module)
        return self._modules[service]

    # -- state -------------------------------------------------------------------------------------

    def _restore(self, service: str, parts: dict[str, list[tuple[str, str, str]]]) -> dict:
        hook = self._persistence._json_object_hook
        data: dict = {}
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

    def _join(self, inner: str, owners: dict[str, dict], rows: list[tuple[str, str, str]], hook) -> None:
        """Give queues their messages and tables their items back."""
        for owner in owners.values():
            owner[inner] = [] if inner == "messages" else {}
        found = [(key.split("\x01"), json.loads(value, object_hook=hook)) for key, _, value in rows]
        if inner == "items":
            for (owner, first, second), item in found:
                owners[owner]["items"].setdefault(first, {})[second] = item
            return
        for (owner, name), (place, message) in sorted(found, key=lambda each: each[1][0]):
            self._places[name] = place
            self._last_place = max(self._last_place, place)
            owners[owner]["messages"].append(message)

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

    def _entries(self, service: str, state: dict) -> Entries:
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

    def _rows(self, part: str, owner: str, held, default) -> Entries:
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

    def _things(self, held):
        if isinstance(held, dict):
            for first, bucket in list(held.items()):
                for second, item in list(bucket.items()):
                    yield f"{first}\x01{second}", item, None, None
            return
        for message in list(held):
            if message["id"] not in self._places:
                self._last_place += 1
                self._places[message["id"]] = self._last_place
            mark = tuple(message.get(field) for field in MOVING)
            yield message["id"], message, mark, self._places[message["id"]]

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
            except BaseException as error:
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

    async def __call__(self, scope: dict, receive, send) -> None:
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

    async def _call(self, scope: dict, service: str, account: str, region: str, headers: dict, body: bytes):
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

    def put(self, key: str, message: dict) -> None:
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


class Server:
    """The way back to Mastic: messages to its door, and signed calls of its services."""

    def __init__(self, order: dict) -> None:
        self._order = order

    def tell(self, message: dict) -> None:
        """Give the server a message. Raises OSError unless it was taken."""
        request = urllib.request.Request(
            self._order["endpoint"] + self._order["path"],
            data=json.dumps(message).encode(),
            headers={"Authorization": f"Bearer {self._order['token']}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:
            if reply.status != 200:
                raise OSError(f"the server answered {reply.status}")

    def call(self, service: str, method: str, path: str, headers: dict, body: bytes, query: dict):
        """Call one of Mastic's own services; returns status, headers and body."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        region = _region(headers) or self._order["region"]
        url = self._order["endpoint"] + path + ("?" + urlencode(query, doseq=True) if query else "")
        kept = {k: v for k, v in headers.items() if k.lower() in ("content-type", "x-amz-target")}
        kept |= {k: v for k, v in headers.items() if k.lower().startswith("x-amz-invocation")}
        data = body.encode() if isinstance(body, str) else body
        signed = AWSRequest(method=method, url=url, data=data, headers=kept)
        keys = Credentials(*self._order["credentials"])
        SigV4Auth(keys, _SIGNING.get(service, service), region).add_auth(signed)
        request = urllib.request.Request(url, data=data, headers=dict(signed.headers.items()), method=method)
        try:
            with urllib.request.urlopen(request, timeout=900) as reply:
                return reply.status, dict(reply.headers), reply.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()


_SIGNING = {"monitoring": "monitoring", "cloudwatch": "monitoring"}


def _region(headers: dict) -> str:
    credential = headers.get("authorization", "").partition("Credential=")[2].split("/")
    return credential[2] if len(credential) > 2 else ""


def _action(headers: dict, query: dict, body: bytes) -> str:
    target = headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if "Action" in query:
        return query["Action"][0]
    form = parse_qs(body.decode("utf-8", errors="replace")) if b"Action=" in body else {}
    return form.get("Action", [""])[0]


def _changes(service: str, action: str) -> bool:
    if (service, action) in CHANGES or (service, "*") in CHANGES:
        return True
    return not action.startswith(READS)


async def _answer(send, status: int, headers: dict, content: bytes) -> None:
    kept = {
        k: v for k, v in headers.items() if k.lower() not in ("content-length", "access-control-allow-origin")
    }
    listed = [(k.encode("latin-1"), str(v).encode("latin-1")) for k, v in kept.items()]
    listed.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": content})


# -- where the hosted services would reach others of their own: Mastic's instead -------------------------


def connect(host: Host, service: str, module: types.ModuleType) -> None:
    """Lead a service's calls of functions, events and other services to the server."""
    if service == "sns":
        _connect_sns(host, module)
    if service == "stepfunctions":
        _connect_stepfunctions(host, module)
    if service in ("stepfunctions", "secretsmanager"):
        _connect_events(host)


def _connect_sns(host: Host, sns: types.ModuleType) -> None:
    def deliver(endpoint, envelope, topic, subscription, message_id, _message, _attributes):
        event = {
            "Records": [
                {
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": subscription,
                    "EventSource": "aws:sns",
                    "Sns": json.loads(envelope),
                }
            ]
        }
        message = {"type": "invoke", "function": endpoint, "event": event, "source": topic}
        host.put(f"{message_id}:{subscription}", message)

    class Thread:
        """Takes the delivery to a function down at once, so that it is stored before Publish is answered."""

        def __init__(self, target=None, args=(), daemon=None) -> None:
            self._target, self._args, self._daemon = target, args, daemon

        def start(self) -> None:
            if self._args and self._args[0] is deliver:
                self._target(*self._args)
            else:
                threading.Thread(target=self._target, args=self._args, daemon=self._daemon).start()

    sns._deliver_to_lambda = deliver
    sns._threading = types.SimpleNamespace(**{**vars(threading), "Thread": Thread})


def _connect_events(host: Host) -> None:
    from ministack.services import eventbridge

    def put(entries: dict, **_: object):
        for entry in entries["Entries"]:
            host.put(str(uuid.uuid4()), {"type": "event", **_envelope(host, entry)})
        return 200, {}, json.dumps({"FailedEntryCount": 0, "Entries": []}).encode()

    eventbridge._put_events = put
    eventbridge._dispatch_event = lambda event, view=None: host.put(
        event["EventId"], {"type": "event", **_envelope(host, event)}
    )


def _envelope(host: Host, entry: dict) -> dict:
    detail = entry.get("Detail", "{}")
    return {
        "bus": entry.get("EventBusName", "default"),
        "event": {
            "version": "0",
            "id": entry.get("EventId") or str(uuid.uuid4()),
            "detail-type": entry.get("DetailType", ""),
            "source": entry.get("Source", ""),
            "account": entry.get("Account") or host._responses.get_account_id(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "region": entry.get("Region") or host._responses.get_region(),
            "resources": entry.get("Resources", []),
            "detail": json.loads(detail) if isinstance(detail, str) else detail,
        },
    }


def _connect_stepfunctions(host: Host, states: types.ModuleType) -> None:
    import ministack.app as app

    def elsewhere(service: str):
        async def handle(method, path, headers, body, query):
            run = asyncio.get_running_loop().run_in_executor
            return await run(None, host.server.call, service, method, path, headers, body, query)

        return handle

    for service in list(app.SERVICE_HANDLERS):
        if service not in ("sqs", "sns", "kms", "secretsmanager", "ssm", "dynamodb", "states"):
            app.SERVICE_HANDLERS[service] = elsewhere(service)

    def call_lambda(function, event):
        name = function.rpartition(":function:")[2] if ":function:" in function else function
        path = f"/2015-03-31/functions/{name.replace(':', '%3A')}/invocations"
        region = host._responses.get_region()
        credential = {"authorization": f"AWS4-HMAC-SHA256 Credential=x/x/{region}/lambda/aws4_request"}
        status, headers, body = host.server.call(
            "lambda", "POST", path, credential, json.dumps(event).encode(), {}
        )
        found = json.loads(body) if body else None
        if status >= 400:
            code = {k.lower(): v for k, v in headers.items()}.get("x-amzn-errortype", "Unknown").split(":")[0]
            raise states._ExecutionError(f"Lambda.{code}", (found or {}).get("Message", ""))
        if "x-amz-function-error" in {k.lower() for k in headers}:
            raise states._ExecutionError((found or {}).get("errorType", "Lambda.Unknown"), json.dumps(found))
        return found

    states._call_lambda = call_lambda
    invoke = states._invoke_resource

    def invoke_or_refuse(resource, given):
        known = ("states:::", ":function:", ":activity:")
        if not any(each in resource for each in known):
            raise states._ExecutionError("States.Runtime", f"The resource {resource} is not served.")
        parts = resource.split(":::")[-1].split(":")
        if parts[0] in ("glue", "athena") and len(parts) == 2:
            return _run_job(host, states, parts[0], parts[1], given)
        return invoke(resource, given)

    states._invoke_resource = invoke_or_refuse


_JOBS = {
    # service, action → (what to ask after, its input, where the state is)
    ("glue", "startJobRun"): ("GetJobRun", lambda given, got: {"JobName": given["JobName"], "RunId": got["JobRunId"]},
                              lambda seen: (seen["JobRun"], seen["JobRun"]["JobRunState"])),
    ("athena", "startQueryExecution"): (
        "GetQueryExecution", lambda given, got: {"QueryExecutionId": got["QueryExecutionId"]},
        lambda seen: (seen, seen["QueryExecution"]["Status"]["State"])),
}  # fmt: skip
_PREFIX = {"glue": "AWSGlue", "athena": "AmazonAthena"}


def _run_job(host: Host, states: types.ModuleType, service: str, action: str, given: dict) -> dict:
    """The integrations with Glue and Athena: start, and with ``.sync`` wait for the end."""
    region = host._responses.get_region()

    def call(operation: str, body: dict) -> dict:
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"{_PREFIX[service]}.{operation}",
            "authorization": f"AWS4-HMAC-SHA256 Credential=x/x/{region}/{service}/aws4_request",
        }
        status, _, content = host.server.call(service, "POST", "/", headers, json.dumps(body).encode(), {})
        found = json.loads(content or b"{}")
        if status >= 400:
            code = found.get("__type", "Exception").rpartition("#")[2]
            raise states._ExecutionError(
                f"{service.capitalize()}.{code}", found.get("Message") or found.get("message", "")
            )
        return found

    name, _, mode = action.partition(".")
    got = call(name[0].upper() + name[1:], given)
    if not mode.startswith("sync"):
        return got
    if (service, name) not in _JOBS:
        raise states._ExecutionError("States.Runtime", f"{service}:{action} is not served.")
    operation, asked, told = _JOBS[(service, name)]
    while True:
        result, state = told(call(operation, asked(given, got)))
        if state == "SUCCEEDED":
            return result
        if state in ("FAILED", "TIMEOUT", "STOPPED", "CANCELLED", "ERROR", "EXPIRED"):
            raise states._ExecutionError("States.TaskFailed", json.dumps(result))
        time.sleep(0.5)


def _quiet() -> None:
    """Nothing of ministack's own doing outside: no containers, no listeners, no files."""
    os.environ.update(
        {
            "DOCKER_HOST": "unix:///nonexistent",
            "PERSIST_STATE": "0",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "false",
            "MINISTACK_TEST_NO_AUTOSTART": "1",
            "LOG_LEVEL": "WARNING",
        }
    )
    os.environ.pop("MINISTACK_HOST", None)


def main() -> None:
    """Serve until standard input ends."""
    order = json.loads(sys.stdin.readline())
    _quiet()
    os.environ["MINISTACK_ACCOUNT_ID"] = order["server"]["account"]
    os.environ["MINISTACK_REGION"] = order["server"]["region"]
    import uvicorn

    # The protocol has to be named for asyncio to switch Nagle's algorithm off.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    host = Host(order)

    def end_with_the_server() -> None:
        sys.stdin.read()
        # Every change that was answered is on disk.
        os._exit(0)

    threading.Thread(target=end_with_the_server, daemon=True).start()
    server = uvicorn.Server(
        uvicorn.Config(
            host,
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=3600,
            server_header=False,
        )  # fmt: skip
    )

    async def run() -> None:
        host.begin()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        await server.serve(sockets=[listener])

    contextvars.copy_context().run(asyncio.run, run())


if __name__ == "__main__":
    main()
