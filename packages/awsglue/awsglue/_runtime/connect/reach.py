"""Whether a Spark Connect server reaches the S3 of this run. Asked once, before the first path on S3 is given to it:
Hadoop would try for minutes, and then speak of a socket. Owns the answer."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from awsglue._runtime.classic import cluster
from awsglue._runtime.io import access
from awsglue._runtime.io.storage import S3_SCHEMES

# For the one question.
_AT_ONCE = {
    "fs.s3a.attempts.maximum": "1",
    "fs.s3a.retry.limit": "1",
    "fs.s3a.connection.establish.timeout": "5000",
}
_NO_CLASS = "S3AFileSystem not found"
_NO_WAY = (
    "Unable to execute HTTP request",
    "ConnectException",
    "UnknownHostException",
    "SocketTimeoutException",
    "NoRouteToHost",
)


class StorageUnreachable(Exception):
    """The Connect server cannot read or write the S3 of this run."""


class Reach:
    """Remembers that S3 has been reached."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._known = False

    def check(self, paths: Any) -> None:
        """Raise StorageUnreachable where one of these paths is on an S3 that the server cannot reach."""
        texts = [paths] if isinstance(paths, str) else list(paths or ())
        for text in texts:
            parts = urlsplit(str(text))
            if not self._known and parts.scheme in S3_SCHEMES:
                self._ask(f"{parts.scheme}://{parts.netloc}/mastic-{uuid.uuid4().hex}")
                self._known = True

    def _ask(self, nothing: str) -> None:
        from pyspark.errors import PySparkException

        conf = self._session.conf
        before = {key: conf._mastic_get(key, None) for key in _AT_ONCE}
        for key, value in _AT_ONCE.items():
            conf._mastic_set(key, value)
        try:
            self._session.read._mastic_load(nothing, format="text").schema  # noqa: B018 - this asks
        except PySparkException as error:
            # That nothing is there, or that it may not be seen, has been said by S3.
            reason = trouble(str(error))
            if reason:
                raise StorageUnreachable(reason) from None
        finally:
            for key, value in before.items():
                if value is None:
                    conf._mastic_unset(key)
                else:
                    conf._mastic_set(key, value)


def trouble(said: str) -> str:
    """What is wrong between a server and S3 when it says this; empty for anything else."""
    if _NO_CLASS in said:
        return (
            f"The Spark Connect server {cluster.shown()} cannot read or write S3: it has no class "
            "org.apache.hadoop.fs.s3a.S3AFileSystem. Start it with hadoop-aws of its own Hadoop's version."
        )
    if any(sign in said for sign in _NO_WAY):
        endpoint = access.s3_endpoint() or "AWS"
        return (
            f"The Spark Connect server {cluster.shown()} cannot reach S3 at {endpoint}, which it has to: it reads and "
            f"writes there itself. ({said.strip().split(chr(10))[0][:300]})"
        )
    return ""
