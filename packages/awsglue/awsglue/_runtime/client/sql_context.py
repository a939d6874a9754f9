"""SQLContext and HiveContext of a Sail runtime: the names of Spark 1 over this process's one session."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.failures import RefusedAttribute
from awsglue._sqlcontext import SqlContextMethods


class SQLContext(SqlContextMethods):
    """What scripts of old call `sqlContext`."""

    def __init__(self, sparkContext: Any, sparkSession: Any = None, jsqlContext: Any = None) -> None:
        from awsglue._runtime import engine

        self._sc = sparkContext
        self.spark_session = sparkSession or engine.get_or_create_session()

    @classmethod
    def getOrCreate(cls, sc: Any) -> SQLContext:
        return cls(sc)

    def newSession(self) -> SQLContext:
        return type(self)(self._sc, self.spark_session.newSession())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "spark_session":
            raise AttributeError(name)
        raise RefusedAttribute(f"{type(self).__name__}.{name}")


class HiveContext(SQLContext):
    """The same: there is one catalog."""
