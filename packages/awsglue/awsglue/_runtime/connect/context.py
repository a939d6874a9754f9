"""SparkContext for scripts that ask for one where the real one is behind a Connect server."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.client.spark_context import SparkContext as Facade
from awsglue._runtime.failures import RefusedAttribute


class _HadoopConfiguration:
    """`sc._jsc.hadoopConfiguration()`: Hadoop's settings are the session's here."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def set(self, key: str, value: str) -> None:
        self._session.conf._mastic_set(key, str(value))

    def get(self, key: str, default: str | None = None) -> str | None:
        return self._session.conf._mastic_get(key, default)  # type: ignore[no-any-return]


class _JavaContext:
    """The little of the Java context that scripts use for configuration; anything else is refused."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def hadoopConfiguration(self) -> _HadoopConfiguration:
        return _HadoopConfiguration(self._session)

    def __getattr__(self, name: str) -> Any:
        raise RefusedAttribute(f"SparkContext._jsc.{name}", "over Spark Connect there is no Java here")


class _WithoutJava(type):
    """PySpark's own classes, SparkConf among them, ask the class for a JVM: there is none. A context refuses."""

    _jvm = None
    _gateway = None


class SparkContext(Facade, metaclass=_WithoutJava):
    """The parts that make sense without a JVM: rows of RDDs are those of this process."""

    def __init__(
        self, master: str | None = None, appName: str | None = None, *_: Any, conf: Any = None, **__: Any
    ) -> None:
        from awsglue._runtime import engine
        from awsglue._runtime.classic.hooks import passed_on
        from awsglue._runtime.connect.session import apply

        settings = dict(conf.getAll()) if conf is not None else {}
        if appName:
            settings["spark.app.name"] = appName
        # Those that come before the session are its own from the beginning.
        engine.STATE.conf.update(settings)
        if engine.STATE.session is not None:
            apply(engine.STATE.session, passed_on(settings))
        super().__init__(appName=None)

    @property
    def _jsc(self) -> Any:
        return _JavaContext(self._session)

    @property
    def version(self) -> str:
        return str(self._session.version)

    @property
    def master(self) -> str:
        from awsglue._runtime.classic import cluster

        return cluster.shown()

    @property
    def applicationId(self) -> str:
        return str(self._session.conf.get("spark.app.id"))

    def addPyFile(self, path: str) -> None:
        """For this process, and for the server's workers."""
        from awsglue._runtime.client.spark_context import SparkFiles

        super().addPyFile(path)
        local = SparkFiles.get(path.rsplit("/", 1)[-1]) if "://" in path else path
        self._session.addArtifacts(local, pyfile=True)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RefusedAttribute(f"SparkContext.{name}", "Spark Connect has no SparkContext")
