"""Table formats that Spark itself does not know: without their jars, what to do is said."""

from __future__ import annotations

from typing import Any

_CLASSES = {
    "hudi": "org.apache.hudi.DefaultSource",
    "org.apache.hudi": "org.apache.hudi.DefaultSource",
    "delta": "io.delta.sql.DeltaSparkSessionExtension",
}


def check(spark: Any, kind: str) -> None:
    """Raise NotImplementedError for a format whose jars the run has not brought along."""
    from py4j.protocol import Py4JJavaError

    if kind not in _CLASSES:
        return
    loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
    try:
        loader.loadClass(_CLASSES[kind])
    except Py4JJavaError:
        raise NotImplementedError(
            f"format {kind!r} on Apache Spark needs its jars, which are not part of Mastic: name them in --extra-jars"
        ) from None
