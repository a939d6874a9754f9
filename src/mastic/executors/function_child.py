"""What runs inside a function's process: takes its orders from an inherited socket and runs the user's handler.

Started by path with ``python -I -S``, so that neither the server's packages nor its environment are in sight; it
imports the standard library and the runtime's own libraries only, never ``mastic``. The runtime interface client
is AWS's; only its transport is ours. Frames are two big-endian lengths, a JSON head and a body.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import threading
import time
from typing import Any

_LENGTHS = struct.Struct(">II")


class Channel:
    """The server's end is another process: when it is gone, so are we."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def send(self, head: dict[str, Any], body: bytes = b"") -> None:
        encoded = json.dumps(head).encode()
        self._connection.sendall(_LENGTHS.pack(len(encoded), len(body)) + encoded + body)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        head, body = _LENGTHS.unpack(self._exactly(_LENGTHS.size))
        return json.loads(self._exactly(head)), self._exactly(body)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            piece = self._connection.recv(min(size - len(parts), 1 << 20))
            if not piece:
                os._exit(0)
            parts += piece
        return bytes(parts)


def die_with_parent(parent: int) -> None:
    """See to it that this process does not outlive the server, even inside a handler that never returns."""
    if os.uname().sysname == "Linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(0)
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def limit_memory(megabytes: int) -> None:
    """Stop a runaway allocation that is quicker than the server's watch over resident memory."""
    import resource

    ceiling = (megabytes + 2048) * 1024 * 1024
    try:
        resource.setrlimit(resource.RLIMIT_AS, (ceiling, ceiling))
    except (OSError, ValueError):
        # Not every system has this limit; the server's watch remains.
        return


def run(channel: Channel, order: dict[str, Any]) -> None:
    """Become the function: environment, directory, path; then serve invocations until the server hangs up."""
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    os.chdir(order["cwd"])
    sys.path[:0] = order["path"]
    sys.argv = ["bootstrap", order["handler"]]
    limit_memory(order["memory_mb"])

    from awslambdaric import bootstrap
    from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient, InvocationRequest

    class Client(BaseLambdaRuntimeClient):
        """AWS's client over our socket instead of HTTP."""

        def wait_next_invocation(self) -> Any:
            channel.send({"type": "next"})
            head, body = channel.receive()
            return InvocationRequest(
                invoke_id=head["request_id"],
                x_amzn_trace_id=head["trace"],
                invoked_function_arn=head["arn"],
                deadline_time_in_ms=head["deadline"],
                client_context=head.get("client_context"),
                cognito_identity=None,
                tenant_id=None,
                content_type="application/json",
                event_body=body,
                invocation_id=None,
            )

        def post_invocation_result(
            self, invoke_id: str, result_data: Any, content_type: str = "", invocation_id: Any = None
        ) -> None:
            body = result_data if isinstance(result_data, bytes) else result_data.encode("utf-8")
            channel.send({"type": "result", "request_id": invoke_id}, body)

        def post_invocation_error(
            self, invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: Any = None
        ) -> None:
            channel.send({"type": "error", "request_id": invoke_id}, error_response_data.encode("utf-8"))

        def post_init_error(
            self, error_response_data: dict[str, Any], error_type_override: str | None = None
        ) -> None:
            kind = error_type_override or error_response_data["errorType"]
            channel.send({"type": "init_error", "error_type": kind}, json.dumps(error_response_data).encode())

    bootstrap.run(order["handler"], Client("", False))


def main() -> None:
    """``function_child.py <socket> <parent> <libraries> <preload>``"""
    descriptor, parent, libraries, preload = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    os.set_inheritable(descriptor, False)
    die_with_parent(parent)
    sys.path.append(libraries)
    if preload == "yes":
        # What nearly every function imports; done while nobody waits for it. A function that brings its own
        # copy of one of these gets a process without it.
        import logging  # noqa: F401
        import traceback  # noqa: F401

        import boto3
        import boto3.session  # noqa: F401
        import botocore.client
        import botocore.endpoint  # noqa: F401
        import simplejson  # noqa: F401
    sys.path.remove(libraries)
    channel = Channel(socket.socket(fileno=descriptor))
    order, _ = channel.receive()
    run(channel, order)


if __name__ == "__main__":
    main()
