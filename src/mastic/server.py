"""Runs an app behind an HTTP listener until it is told to stop. Owns the listener."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import structlog
import uvicorn

from mastic.app import App
from mastic.config import Config
from mastic.errors import Refused
from mastic.wire.connections import Connection


def configure_logs(config: Config) -> None:
    """Structured logs on standard error: JSON for machines, lines for people."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if config.log_json
        # Plain tracebacks: pretty ones print local variables, and with them other people's secrets.
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info
            if config.log_json
            else structlog.processors.StackInfoRenderer(),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[config.log_level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def listen(config: Config) -> socket.socket:
    """Bind the address; raises Refused when somebody has it. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise Refused(
            f"cannot listen on {config.host}:{config.port} ({error.strerror}): stop what listens there, or "
            "choose another with --port"
        ) from error
    listener.listen(2048)
    return listener


def serve(app: App, listener: socket.socket, ready: Callable[[], None] = lambda: None) -> None:
    """Answer requests until SIGINT or SIGTERM, then finish what is under way and return."""
    server = uvicorn.Server(
        uvicorn.Config(
            app.asgi,
            loop="uvloop",
            http=cast(Any, partial(Connection, app.asgi)),
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            date_header=True,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
        )
    )

    async def run() -> None:
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        if server.started:
            app.start()
            ready()
        await serving

    # A request goes from thread to thread: each would wait up to five milliseconds for the interpreter.
    sys.setswitchinterval(0.0005)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        uvicorn_loop().run(run())
    except KeyboardInterrupt:
        pass
    finally:
        app.stop()
        listener.close()


def uvicorn_loop() -> asyncio.Runner:
    """An event loop runner: uvloop where it exists."""
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)
