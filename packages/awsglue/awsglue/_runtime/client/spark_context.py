"""SparkContext for scripts that ask for one: a thin face over the one session of this process."""

from __future__ import annotations

import os
import sys
import time
from typing import Any
from urllib.parse import unquote

from awsglue._runtime.failures import RefusedAttribute


class Broadcast:
    """A value; the workers are this process, so it need not travel."""

    def __init__(self, value: Any) -> None:
        self._value = value

    @property
    def value(self) -> Any:
        return self._value

    def unpersist(self, blocking: bool = False) -> None:
        """Nothing is held elsewhere."""

    def destroy(self, blocking: bool = False) -> None:
        self._value = None


class SparkFiles:
    """Files added with SparkContext.addFile."""

    @classmethod
    def getRootDirectory(cls) -> str:
        from awsglue._runtime import engine

        root = os.path.join(engine.scratch_directory(), "files")
        os.makedirs(root, exist_ok=True)
        return root

    @classmethod
    def get(cls, filename: str) -> str:
        return os.path.join(cls.getRootDirectory(), filename)


class _HadoopConfiguration:
    """`sc._jsc.hadoopConfiguration()`: settings are kept where spark.conf keeps them."""

    def __init__(self, context: SparkContext) -> None:
        self._context = context

    def set(self, key: str, value: str) -> None:
        self._context._session.conf.set(f"spark.hadoop.{key}", value)

    def get(self, key: str, default: str | None = None) -> str | None:
        return self._context._session.conf.get(f"spark.hadoop.{key}", default)  # type: ignore[no-any-return]


class _JavaContext:
    """The little of the Java context that scripts use for configuration; anything else is refused."""

    def __init__(self, context: SparkContext) -> None:
        self._context = context

    def hadoopConfiguration(self) -> _HadoopConfiguration:
        return _HadoopConfiguration(self._context)

    def __getattr__(self, name: str) -> Any:
        raise RefusedAttribute(f"SparkContext._jsc.{name}")


class SparkContext:
    """The parts of SparkContext that make sense without a JVM; anything else is refused by name."""

    _active_spark_context: SparkContext | None = None
    PACKAGE_EXTENSIONS = (".zip", ".egg", ".jar")

    def __new__(cls, *args: Any, **kwargs: Any) -> SparkContext:
        # One context a process, as in Spark; a second SparkContext() in a script gets the first.
        if SparkContext._active_spark_context is None:
            SparkContext._active_spark_context = super().__new__(cls)
        return SparkContext._active_spark_context

    def __init__(
        self,
        master: str | None = None,
        appName: str | None = None,
        sparkHome: str | None = None,
        pyFiles: list[str] | None = None,
        environment: dict[str, Any] | None = None,
        batchSize: int = 0,
        serializer: Any = None,
        conf: Any = None,
        **_: Any,
    ) -> None:
        self.__dict__.setdefault("_started", int(time.time() * 1000))
        settings = dict(conf.getAll()) if conf is not None else {}
        if appName:
            settings["spark.app.name"] = appName
        from awsglue._runtime import engine

        engine.STATE.conf.update(settings)
        if engine.STATE.session is not None:
            for key, value in settings.items():
                engine.STATE.session.conf.set(key, value)

    @classmethod
    def getOrCreate(cls, conf: Any = None) -> SparkContext:
        return cls(conf=conf)

    @property
    def _session(self) -> Any:
        from awsglue._runtime import engine

        return engine.get_or_create_session()

    @property
    def _jsc(self) -> _JavaContext:
        return _JavaContext(self)

    @property
    def _conf(self) -> Any:
        return self.getConf()

    def getConf(self) -> Any:
        from pyspark.conf import SparkConf

        from awsglue._runtime import engine

        conf = SparkConf(loadDefaults=False)
        for key, value in engine.STATE.conf.items():
            conf.set(key, value)
        return conf

    @property
    def version(self) -> str:
        from awsglue._runtime.engine import SPARK_VERSION

        return SPARK_VERSION

    @property
    def appName(self) -> str:
        from awsglue._runtime import engine

        return engine.STATE.conf.get("spark.app.name", "mastic")

    @property
    def applicationId(self) -> str:
        return f"local-{self._started}"

    @property
    def startTime(self) -> int:
        return self._started

    @property
    def master(self) -> str:
        return "local[*]"

    @property
    def defaultParallelism(self) -> int:
        from awsglue._runtime import engine

        return engine.STATE.cores or os.cpu_count() or 1

    defaultMinPartitions = property(lambda self: min(self.defaultParallelism, 2))
    uiWebUrl = property(lambda self: None)
    pythonVer = property(lambda self: f"{sys.version_info.major}.{sys.version_info.minor}")

    def setLogLevel(self, logLevel: str) -> None:
        """Spark's log levels; the embedded engine itself logs nothing into the job's output."""
        if logLevel.upper() not in ("ALL", "DEBUG", "ERROR", "FATAL", "INFO", "OFF", "TRACE", "WARN"):
            from pyspark.errors import IllegalArgumentException

            raise IllegalArgumentException(
                f"requirement failed: Supplied level {logLevel} did not match one of: "
                "ALL,DEBUG,ERROR,FATAL,INFO,OFF,TRACE,WARN"
            )

    def setLocalProperty(self, key: str, value: str) -> None:
        self._properties()[key] = value

    def getLocalProperty(self, key: str) -> str | None:
        return self._properties().get(key)

    def _properties(self) -> dict[str, str]:
        return self.__dict__.setdefault("_local_properties", {})  # type: ignore[no-any-return]

    def setJobGroup(self, groupId: str, description: str, interruptOnCancel: bool = False) -> None:
        self.setLocalProperty("spark.jobGroup.id", groupId)
        self.setLocalProperty("spark.job.description", description)

    def setJobDescription(self, value: str) -> None:
        self.setLocalProperty("spark.job.description", value)

    def setCheckpointDir(self, dirName: str) -> None:
        self._checkpoint_dir = dirName

    def parallelize(self, c: Any, numSlices: int | None = None) -> Any:
        from awsglue._runtime.client.local_rdd import LocalRDD

        items = list(c)
        return LocalRDD(lambda: iter(items), self, numSlices or self.defaultParallelism)

    def emptyRDD(self) -> Any:
        return self.parallelize([], 1)

    def range(self, start: int, end: int | None = None, step: int = 1, numSlices: int | None = None) -> Any:
        return self.parallelize(range(start) if end is None else range(start, end, step), numSlices)

    def textFile(self, name: str, minPartitions: int | None = None, use_unicode: bool = True) -> Any:
        return self._session.read.text(name.split(",")).rdd.map(lambda row: row[0])

    def wholeTextFiles(self, path: str, minPartitions: int | None = None, use_unicode: bool = True) -> Any:
        """Pairs of a file's path and its text."""
        from pyspark.sql import functions as f

        whole = self._session.read.text(path.split(","), wholetext=True)
        pairs = whole.select(f.input_file_name().alias("path"), "value")
        return pairs.rdd.map(lambda row: (_path(row[0]), row[1]))

    def union(self, rdds: list[Any]) -> Any:
        out = rdds[0]
        for other in rdds[1:]:
            out = out.union(other)
        return out

    def broadcast(self, value: Any) -> Broadcast:
        return Broadcast(value)

    def accumulator(self, value: Any, accum_param: Any = None) -> Any:
        from awsglue._runtime.client.accumulators import Accumulator

        return Accumulator(value, accum_param)

    def addFile(self, path: str, recursive: bool = False) -> None:
        from awsglue._runtime.io.storage import Storage

        target = SparkFiles.get(path.rstrip("/").rsplit("/", 1)[-1])
        with open(target, "wb") as file:
            file.write(Storage().read(path))

    def addPyFile(self, path: str) -> None:
        if "://" in path:
            self.addFile(path)
            path = SparkFiles.get(path.rsplit("/", 1)[-1])
        place = path if path.endswith(self.PACKAGE_EXTENSIONS) else os.path.dirname(os.path.abspath(path))
        if place not in sys.path:
            sys.path.insert(1, place)

    def stop(self) -> None:
        """The engine ends with the process; a context can be had again."""

    def __enter__(self) -> SparkContext:
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def __reduce__(self) -> Any:
        return SparkContext.getOrCreate, ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RefusedAttribute(f"SparkContext.{name}")


def _path(shown: str) -> str:
    """A file's path as Hadoop writes it: not encoded, and local ones with one slash."""
    path = unquote(shown)
    return "file:" + path.removeprefix("file://") if path.startswith("file:///") else path
