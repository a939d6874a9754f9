"""SQL statements that are no queries: which module carries out which."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.sql.tokens import Cutter


class Commands:
    """Carries out one command for a session."""

    def __init__(self, services: Any, statements: Any) -> None:
        self._services = services
        self._statements = statements

    def run(self, text: str) -> Any:
        """The command's result as a DataFrame. Raises EngineRefused for statements not served."""
        from awsglue._runtime.delta.statements import DeltaStatements
        from awsglue._runtime.sql.ddl import Ddl
        from awsglue._runtime.sql.dml import Dml
        from awsglue._runtime.sql.shows import Shows

        cutter = Cutter(text)
        first = cutter.words[0].text if cutter.words else ""
        dml = Dml(self._services, self._statements)
        ddl = Ddl(self._services, self._statements)
        shows = Shows(self._services, self._statements)
        delta = DeltaStatements(self._services, self._statements)
        routes = {
            "INSERT": dml.insert,
            "MERGE": dml.merge,
            "UPDATE": dml.update,
            "DELETE": dml.delete,
            "TRUNCATE": dml.truncate,
            "CREATE": ddl.create,
            "REPLACE": ddl.create,
            "DROP": ddl.drop,
            "ALTER": ddl.alter,
            "MSCK": ddl.repair,
            "SHOW": shows.show,
            "DESCRIBE": shows.describe,
            "DESC": shows.describe,
            "USE": self._use,
            "SET": self._set,
            "RESET": self._reset,
            "REFRESH": self._nothing,
            "CACHE": self._cache,
            "UNCACHE": self._nothing,
            "CLEAR": self._nothing,
            "EXPLAIN": self._explain,
            "CALL": dml.call,
            "OPTIMIZE": delta.optimize,
            "VACUUM": delta.vacuum,
            "RESTORE": delta.restore,
        }
        route = routes.get(first)
        return self._services.fallback(text) if route is None else route(cutter)

    def _use(self, cutter: Cutter) -> Any:
        cutter.need("USE")
        for word in ("DATABASE", "SCHEMA", "NAMESPACE", "CATALOG"):
            if cutter.peek(word) and len(cutter.words) > 2:
                cutter.take(word)
                break
        self._services.tables.use(cutter.name())
        return self._statements.nothing()

    def _set(self, cutter: Cutter) -> Any:
        cutter.need("SET")
        rest = cutter.rest()
        if rest.upper().startswith("TIME ZONE"):
            key, value = "spark.sql.session.timeZone", rest[9:].strip().strip("'\"")
        elif not rest or rest == "-v":
            rows = sorted(self._services.session.conf.getAll.items())
            return self._statements.result(rows, "key string, value string")
        else:
            key, equals, value = (part.strip() for part in rest.partition("="))
            key = key.strip("`")
            if not equals:
                found = self._services.session.conf.get(key, "<undefined>")
                return self._statements.result([(key, found)], "key string, value string")
        self._services.session.conf.set(key, value)
        return self._statements.result([(key, value)], "key string, value string")

    def _reset(self, cutter: Cutter) -> Any:
        cutter.need("RESET")
        key = cutter.rest().strip("`")
        for name in [key] if key else list(self._services.conf):
            if key or (name.startswith("spark.sql.") and not name.startswith("spark.sql.catalog.")):
                self._services.session.conf.unset(name)
        return self._statements.nothing()

    def _nothing(self, cutter: Cutter) -> Any:
        """REFRESH, UNCACHE, CLEAR CACHE: nothing is held that could be stale, and caches do not change answers."""
        return self._statements.nothing()

    def _cache(self, cutter: Cutter) -> Any:
        cutter.need("CACHE")
        cutter.take("LAZY")
        cutter.need("TABLE")
        name = cutter.name()
        cutter.until(("AS",))
        if cutter.take("AS"):
            self._statements.query(cutter.rest()).createOrReplaceTempView(name[-1])
        else:
            self._services.table(".".join(f"`{part}`" for part in name))
        return self._statements.nothing()

    def _explain(self, cutter: Cutter) -> Any:
        cutter.need("EXPLAIN")
        for word in ("EXTENDED", "FORMATTED", "COST", "CODEGEN"):
            cutter.take(word)
        plan = self._services.explain(self._statements.query(cutter.rest()))
        return self._statements.result([(plan,)], "plan string")
