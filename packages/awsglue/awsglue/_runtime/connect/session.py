"""The SparkSession of a run on a Spark Connect server: the client's session, our tables and settings on top.

The server reads and writes files itself: those on S3 with this run's keys, and those that the job library hands over in
this process's scratch folder. Both ways are tried before anything is trusted to them.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

from awsglue._runtime.classic import cluster
from awsglue._runtime.failures import EngineRefused

# The job library has no place of its own for files but the one that it shares with the server.
_FILES = {"fs.defaultFS": "file:///"}
# Hadoop would keep one connection to S3 for all sessions of the server, with the keys of whichever came first.
_OWN_KEYS = {f"fs.{scheme}.impl.disable.cache": "true" for scheme in ("s3", "s3a", "s3n")}

# What a script calls its application, where it would run it, and whose tables it names: that is settled here.
_NAMES = {"spark.app.name", "spark.master", "spark.remote", "spark.sql.catalogImplementation"}


class ServerUnfit(Exception):
    """The Connect server that the operator has named cannot do what a run needs of it."""


def start(state: Any) -> Any:
    """Open the session. Called once, by engine.get_or_create_session. Raises ClusterUnreachable, ServerUnfit."""
    from awsglue._runtime import engine
    from awsglue._runtime.connect import hooks
    from awsglue._runtime.connect.services import Services

    _refuse_what_is_the_server_s()
    hooks.install()
    cluster.check()
    from pyspark.sql.connect.session import SparkSession

    session = SparkSession(connection=cluster.master())
    SparkSession._set_default_and_active_session(session)
    atexit.register(_leave, session)
    _check_version(session)
    scratch = engine.scratch_directory()
    session._mastic = Services(session, state, scratch)  # type: ignore[attr-defined]
    _settle(session, state)
    _check_scratch(session, scratch)
    _ship(session, state.python_path, scratch)
    return session


def _refuse_what_is_the_server_s() -> None:
    """Raise EngineRefused for what the run asks of processes that were there before it."""
    if os.environ.get("MASTIC_EXECUTOR_ENV"):
        raise EngineRefused("--customer-executor-env-vars", "a Spark Connect server's workers have its own")
    if os.environ.get("MASTIC_USER_JARS_FIRST"):
        raise EngineRefused("--user-jars-first", "a Spark Connect server's class path is its own")


def _check_version(session: Any) -> None:
    """Raise ServerUnfit unless the server gives the answers of this runtime's Spark."""
    import pyspark

    own, found = (text.split(".")[:2] for text in (pyspark.__version__, session.version))
    if own != found:
        raise ServerUnfit(
            f"The Spark Connect server {cluster.shown()} is Spark {session.version}: this job needs {'.'.join(own)}."
        )


def _settle(session: Any, state: Any) -> None:
    """Give the session its settings; those that belong to the whole server stay as they are, which is said."""
    from awsglue._runtime.classic.hooks import passed_on
    from awsglue._runtime.classic.jvm import s3_settings

    for key, value in {**_FILES, **_OWN_KEYS}.items():
        session.conf._mastic_set(key, value)
    wanted = {**s3_settings(), "spark.sql.session.timeZone": "UTC", **cluster.operators()}
    apply(session, {**wanted, **passed_on(state.conf)})


def apply(session: Any, settings: dict[str, str]) -> None:
    """Set what a session has of its own; what else there is belongs to the whole server and is named in the log."""
    left = []
    for key, value in settings.items():
        if key.startswith("spark.hadoop."):
            session.conf._mastic_set(key.removeprefix("spark.hadoop."), value)
        elif not key.startswith("spark.sql.") or not _set_where_possible(session, key, value):
            left.append(key)
    told = sorted(set(left) - _NAMES)
    if told:
        sys.stderr.write(
            f"These settings are the Spark Connect server's own and stay as they are: {', '.join(told)}\n"
        )


def _set_where_possible(session: Any, key: str, value: str) -> bool:
    """Set one setting of the session; False where the server keeps it from its sessions."""
    from pyspark.errors import AnalysisException

    try:
        session.conf._mastic_set(key, value)
    except AnalysisException as error:
        if "CANNOT_MODIFY" not in str(error):
            raise
        return False
    return True


def _check_scratch(session: Any, scratch: str) -> None:
    """Raise ServerUnfit unless both see each other's files here: else rows would vanish without a word."""
    from pyspark.errors import PySparkException

    folder = Path(scratch) / f"probe-{uuid.uuid4().hex}"
    folder.mkdir()
    token = uuid.uuid4().hex
    (folder / "in.txt").write_text(token)
    try:
        read = session.read.text(f"file://{folder}/in.txt")
        read.coalesce(1).write.text(f"file://{folder}/out")
        found = [file.read_text().strip() for file in (folder / "out").glob("part-*")]
        if token not in found:
            raise ServerUnfit(_unshared(scratch, "what it writes there does not come here"))
        shutil.rmtree(folder)
    except (PySparkException, OSError) as error:
        raise ServerUnfit(_unshared(scratch, str(error).strip().split("\n")[0])) from None


def _unshared(scratch: str, why: str) -> str:
    return (
        f"The Spark Connect server {cluster.shown()} and this machine do not share the run's directory {scratch} "
        f"({why}). Set runs_dir to a directory that both mount at the same path and may read and write."
    )


def _ship(session: Any, python_path: list[str], scratch: str) -> None:
    """Give the server's workers the job library, and the modules and jars that the run brings."""
    session.addArtifacts(*cluster.modules(python_path, scratch), pyfile=True)
    jars: list[str] = json.loads(os.environ.get("MASTIC_EXTRA_JARS") or "[]")
    if jars:
        session.addArtifacts(*jars)


def _leave(session: Any) -> None:
    """Let the server forget the session. A server that is gone has done so."""
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client.retries import DefaultPolicy

    # By its own policy the client would wait for a lost server for minutes.
    session.client.set_retry_policies([DefaultPolicy(max_retries=1)])
    try:
        session.client.release_session()
    except PySparkException as error:
        sys.stderr.write(f"The Spark Connect server did not hear of the end of this run: {error}\n")
    session.client.close()
