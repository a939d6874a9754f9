"""How the JVM of a classic runtime is started: jars, S3 settings, options for a quick start."""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import re
import shlex
import tempfile
from typing import Any

from awsglue._runtime.classic import archive, cluster

# hadoop-aws 3.3.1 belongs to these; what else the package carries is not wanted on the class path.
_WANTED_JARS = ("hadoop-aws-", "aws-java-sdk-bundle-")
# Later Hadoops have units in these defaults ("60s"), which that hadoop-aws does not understand. Without a unit both do.
_PLAIN_NUMBERS = {
    "threads.keepalivetime": "60",
    "multipart.purge.age": "86400",
    "connection.timeout": "200000",
    "connection.establish.timeout": "30000",
    "connection.request.timeout": "60000",
}
QUIET = "-Xlog:disable -Xlog:all=error:stderr"
# As Spark itself knows settings that are not to be shown.
_SECRET = re.compile(r"secret|password|token|access[.]?key", re.IGNORECASE)
_MEANT = re.compile(r"[\\:=\s#!]")  # what a key of a properties file cannot have as it is
_KEYS = tuple(f"spark.hadoop.fs.s3a.{name}" for name in ("access.key", "secret.key", "session.token"))
QUICK_START = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"


def submit_arguments(state: Any, scratch: str) -> str:
    """PYSPARK_SUBMIT_ARGS: whichever way the script makes its session, the JVM comes up like this."""
    s3 = s3_settings(inherited=not cluster.master())
    settings = {**_defaults(state, scratch), **s3, **_asked(), **_event_logs(state)}
    if cluster.master():
        settings = {**settings, **cluster.settings()}
    settings |= cluster.operators()
    arguments = ["--master", cluster.master() or f"local[{state.cores or '*'}]"]
    own: list[str] = json.loads(os.environ.get("MASTIC_EXTRA_JARS") or "[]")
    found = [*own, *jars()]
    if found:
        arguments += ["--jars", ",".join(found)]
    packages = os.environ.get("MASTIC_SPARK_PACKAGES", "")
    if packages:
        arguments += ["--packages", packages]
    if state.memory_mb:
        arguments += ["--driver-memory", f"{max(state.memory_mb * 6 // 10, 512)}m"]
    told = {key: value for key, value in settings.items() if not _private(key)}
    for key, value in told.items():
        arguments += ["--conf", f"{key}={value}"]
    kept = {key: value for key, value in settings.items() if key not in told}
    if kept:
        arguments += ["--properties-file", _properties(kept, scratch)]
    return " ".join(shlex.quote(item) for item in [*arguments, "pyspark-shell"])


def _private(key: str) -> bool:
    """Whether a setting may be a secret: anybody on the machine may read the arguments of a process."""
    return key.startswith("spark.executorEnv.") or _SECRET.search(key) is not None


def _properties(settings: dict[str, str], folder: str) -> str:
    """A file of settings that its owner alone can read."""
    lines = []
    for key, value in settings.items():
        plain = value.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")
        lines.append(f"{_MEANT.sub(lambda found: chr(92) + found[0], key)}={plain}\n")
    handle, path = tempfile.mkstemp(prefix="spark-", suffix=".properties", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(lines)
    return path


def ending(*, wait: bool) -> str:
    """How the JVM has ended, in a sentence; empty while it runs. Its last breath may be waited for."""
    import signal
    import subprocess

    from pyspark import SparkContext

    process: Any = getattr(SparkContext._gateway, "proc", None)
    if process is None:
        return ""
    try:
        code = process.wait(timeout=2 if wait else 0)
    except subprocess.TimeoutExpired:
        return ""
    if code < 0:
        name = signal.Signals(-code).name
        hint = " Running out of memory is the usual reason." if name == "SIGKILL" else ""
        return f"Apache Spark's JVM was killed by signal {-code} ({name}).{hint}"
    return f"Apache Spark's JVM ended with exit code {code}."


def jars() -> list[str]:
    """Jars for S3: a folder the operator names (MASTIC_SPARK_JARS), else those of the sagemaker_pyspark package."""
    folder = os.environ.get("MASTIC_SPARK_JARS", "")
    if folder:
        return sorted(glob.glob(os.path.join(folder, "*.jar")))
    spec = importlib.util.find_spec("sagemaker_pyspark")
    if spec is None or not spec.submodule_search_locations:
        return []
    carried = glob.glob(os.path.join(next(iter(spec.submodule_search_locations)), "jars", "*.jar"))
    return sorted(path for path in carried if os.path.basename(path).startswith(_WANTED_JARS))


def _defaults(state: Any, scratch: str) -> dict[str, str]:
    options = QUICK_START
    archived = archive.place()
    if archived is not None and archived.exists():
        # One that another build of Java has made is passed over; nobody needs to be told.
        options += f" -XX:SharedArchiveFile={archived} {QUIET}"
    return {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": options,
        "spark.local.dir": os.path.join(scratch, "spark"),
        "spark.sql.warehouse.dir": os.path.join(scratch, "warehouse"),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": str(max(state.cores or os.cpu_count() or 2, 2) * 2),
    }


def _asked() -> dict[str, str]:
    """What the run's arguments say about the JVM and the Python workers."""
    executors: dict[str, str] = json.loads(os.environ.get("MASTIC_EXECUTOR_ENV") or "{}")
    settings = {f"spark.executorEnv.{name}": value for name, value in executors.items()}
    if os.environ.get("MASTIC_USER_JARS_FIRST"):
        settings |= dict.fromkeys(
            ("spark.driver.userClassPathFirst", "spark.executor.userClassPathFirst"), "true"
        )
    return settings


def _event_logs(state: Any) -> dict[str, str]:
    """Spark's event logs, into the folder from which the server stores them; how they are cut is the run's affair."""
    folder = os.environ.get("MASTIC_EVENT_LOGS", "")
    if not folder:
        return {}
    asked = {key: value for key, value in state.conf.items() if key.startswith("spark.eventLog.")}
    fixed = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file://{folder}"}
    # One readable file, as Spark 3.5 has it; Spark 4 would roll and compress.
    return {"spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "false", **asked, **fixed}


def s3_settings(*, inherited: bool = False) -> dict[str, str]:
    """Spark's settings for the S3 of this run, with its keys.

    A JVM that has ``inherited`` the run's environment finds temporary keys there. As settings they are empty
    (Spark would copy them from the environment): several threads that ask TemporaryAWSCredentialsProvider
    first see none for a moment (HADOOP-18233), and S3A would go on with the key that has no token.
    """
    from awsglue._runtime.io import access
    from awsglue._runtime.io.storage import encryption

    settings = {
        f"spark.hadoop.fs.{scheme}.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem"
        for scheme in ("s3", "s3a", "s3n")
    }
    settings |= {f"spark.hadoop.fs.s3a.{name}": value for name, value in _PLAIN_NUMBERS.items()}
    settings |= {
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.change.detection.mode": "none",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider,"
        "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider,"
        "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
    }
    if endpoint := access.s3_endpoint():
        settings["spark.hadoop.fs.s3a.endpoint"] = endpoint
        settings["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(endpoint.startswith("https")).lower()
    asked = encryption()
    if asked:
        algorithm = {"AES256": "AES256", "aws:kms": "SSE-KMS"}[asked["ServerSideEncryption"]]
        settings["spark.hadoop.fs.s3a.server-side-encryption-algorithm"] = algorithm
        if asked.get("SSEKMSKeyId"):
            settings["spark.hadoop.fs.s3a.server-side-encryption.key"] = asked["SSEKMSKeyId"]
    if (keys := access.keys()) is not None:
        if inherited and keys.token and _in_environment(keys):
            return settings | dict.fromkeys(_KEYS, "")
        given = zip(_KEYS, (keys.access_key, keys.secret_key, keys.token), strict=True)
        settings |= {name: value for name, value in given if value}
    return settings


def _in_environment(keys: Any) -> bool:
    return (keys.access_key, keys.secret_key, keys.token) == tuple(
        os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    )
