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
