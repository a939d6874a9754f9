"""The scripts of visual jobs: made from their nodes and stored where the job's command looks for its script.

Owns the object of a visual job's ScriptLocation, which is written whenever the job is made or changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mastic.errors import ServiceError, invalid_input
from mastic.glue.jobs.codegen.script import generate


class ScriptStore(Protocol):
    """The door to object bytes."""

    def put(self, bucket: str, key: str, data: bytes) -> Any:
        """Store an object whole; raises ServiceError."""
        ...


class Scripts:
    """Stores in ``objects``; without it, scripts are checked only."""

    def __init__(self, *, objects: ScriptStore | None = None) -> None:
        self._objects = objects

    def write(self, body: Mapping[str, Any]) -> None:
        """Make and store the script of a definition that has nodes.

        Raises InvalidInputException for nodes without a script, and for a place that cannot be written.
        """
        nodes = body.get("CodeGenConfigurationNodes")
        if not nodes:
            return
        text = generate(nodes)
        location = body["Command"].get("ScriptLocation") or ""
        scheme, _, rest = location.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme not in ("s3", "s3a", "s3n") or not bucket or not key:
            raise invalid_input("A visual job needs a ScriptLocation on S3, where its script is stored")
        if self._objects is None:
            return
        try:
            self._objects.put(bucket, key, text.encode())
        except ServiceError as error:
            raise invalid_input(
                f"The script cannot be stored at {location}: {error.code}: {error.message}"
            ) from error
