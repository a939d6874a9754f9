"""spigot: a sample of the records on its way through, written as JSON lines."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._frames.display import line, take

DEFAULT_TOP = 10


def spigot(path: str, options: dict[str, Any], glue_ctx: Any) -> Callable[[Encoded], Encoded]:
    """A step that writes the sample when it runs and passes the frame on as it is."""
    top = int(options.get("topk", DEFAULT_TOP))
    chance = float(options.get("prob", 1.0))

    def run(frame: Encoded) -> Encoded:
        from awsglue._runtime.io.storage import Storage, join

        sample = (
            Encoded(df=frame.df.where(f"rand() < {chance}"), schema=frame.schema) if chance < 1 else frame
        )
        body = "".join(line(record) + "\n" for record in take(sample, top))
        Storage().put(join(path, f"run-{uuid.uuid4().hex}-sample.json"), body.encode())
        return frame

    return run
