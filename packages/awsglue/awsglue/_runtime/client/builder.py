"""`SparkSession.builder` in a Sail runtime: every road leads to the one session of this process."""

from __future__ import annotations

from typing import Any


class Builder:
    """Collects settings, then gives the process's session."""

    def __init__(self) -> None:
        self._options: dict[str, str] = {}

    def config(
        self,
        key: str | None = None,
        value: Any = None,
        conf: Any = None,
        *,
        map: dict[str, Any] | None = None,
    ) -> Builder:
        if conf is not None:
            self._options.update(dict(conf.getAll()))
        if map is not None:
            self._options.update({name: _text(item) for name, item in map.items()})
        if key is not None:
            self._options[key] = _text(value)
        return self

    def appName(self, name: str) -> Builder:
        return self.config("spark.app.name", name)

    def master(self, master: str) -> Builder:
        return self.config("spark.master", master)

    def enableHiveSupport(self) -> Builder:
        return self.config("spark.sql.catalogImplementation", "hive")

    def remote(self, url: str) -> Builder:
        return self

    def getOrCreate(self) -> Any:
        from awsglue._runtime import engine

        return _with_conf(engine.get_or_create_session(self._options), self._options)

    def create(self) -> Any:
        return self.getOrCreate()

    def __call__(self) -> Builder:
        return self


def _with_conf(session: Any, options: dict[str, str]) -> Any:
    for key, value in options.items():
        session.conf.set(key, value)
    return session


def _text(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


class BuilderProperty:
    """`SparkSession.builder` gives a fresh builder each time, on the class and on instances."""

    def __get__(self, instance: Any, owner: Any) -> Builder:
        return Builder()


def from_contexts(session: Any) -> None:
    """Let `SparkSession(sc)`, as scripts of old write it, be the process's session too."""
    from awsglue._runtime.client.spark_context import SparkContext

    native = session.__init__

    def named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        return isinstance(args[0] if args else kwargs.get("sparkContext"), SparkContext)

    def new(cls: Any, *args: Any, **kwargs: Any) -> Any:
        if not named(args, kwargs):
            return object.__new__(cls)
        from awsglue._runtime import engine

        return engine.get_or_create_session()

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        # Python initialises whatever __new__ gives: a session that is there is left as it is.
        if not named(args, kwargs):
            native(self, *args, **kwargs)

    session.__new__ = new
    session.__init__ = init
