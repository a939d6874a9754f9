"""The logger that `GlueContext.get_logger` gives: one line per message on standard error."""

from __future__ import annotations

import datetime as dt
import sys


class GlueLogger:
    """Writes messages with their level and time."""

    def _write(self, level: str, message: object) -> None:
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        print(f"{now} {level} [main] glue.ProcessLauncher: {message}", file=sys.stderr, flush=True)  # noqa: T201 (the log is taken there)

    def info(self, msg: object) -> None:
        self._write("INFO", msg)

    def warn(self, msg: object) -> None:
        self._write("WARN", msg)

    warning = warn

    def error(self, msg: object) -> None:
        self._write("ERROR", msg)

    def debug(self, msg: object) -> None:
        self._write("DEBUG", msg)
