"""Serves until standard input ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading

from .host import Host


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

    def end_with_the_server() -> None:
        sys.stdin.read()
        # Every change that was answered is on disk.
        os._exit(0)

    threading.Thread(target=end_with_the_server, daemon=True).start()

    async def run() -> None:
        host = Host(order)
        host.begin()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        settings = uvicorn.Config(
            host, http="httptools", ws="none", lifespan="off", access_log=False, log_level="warning",
            timeout_keep_alive=3600, server_header=False,
        )  # fmt: skip
        await uvicorn.Server(settings).serve(sockets=[listener])

    asyncio.run(run())


if __name__ == "__main__":
    main()
