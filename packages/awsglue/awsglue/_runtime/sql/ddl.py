"""CREATE, REPLACE, DROP, ALTER and MSCK."""

from __future__ import annotations

from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.catalog.glue import already_exists, schema_not_found, table_not_found
from awsglue._runtime.catalog.names import SESSION_CATALOG
from awsglue._runtime.catalog.tables import is_iceberg, is_view
from awsglue._runtime.delta.catalog import is_delta
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi.catalog import is_hudi
from awsglue._runtime.sql.tokens import Cutter, split_commas

_CLAUSES = (
    ("USING",),
    ("PARTITIONED", "BY"),
    ("LOCATION",),
    ("TBLPROPERTIES",),
    ("OPTIONS",),
    ("COMMENT",),
    ("AS",),
    ("ROW", "FORMAT"),
    ("STORED",),
    ("CLUSTERED", "BY"),
)


class Ddl:
    """Definitions of one session."""

    def __init__(self, services: Any, statements: Any) -> None:
        self._services = services
        self._statements = statements
        self._tables = services.tables

    # CREATE
    def create(self, cutter: Cutter) -> Any:
        """CREATE [OR REPLACE] … and REPLACE TABLE."""
        mode = "replace" if cutter.take("REPLACE") else "create"
        if mode == "create":
            cutter.need("CREATE")
            if cutter.take("OR", "REPLACE"):
                mode = "createOrReplace"
        cutter.take("EXTERNAL")
        if cutter.take("TABLE"):
            return self._create_table(cutter, mode)
        for word in ("DATABASE", "SCHEMA", "NAMESPACE"):
            if cutter.take(word):
                return self._create_database(cutter)
        from awsglue._runtime.sql.views import Views

        views = Views(self._services, self._statements)
        temporary = cutter.take("GLOBAL", "TEMPORARY") or cutter.take("GLOBAL", "TEMP")
        local = cutter.take("TEMPORARY") or cutter.take("TEMP")
        if cutter.take("VIEW"):
            return views.create(
                cutter, replace=mode != "create", temporary=temporary or local, is_global=temporary
            )
        raise EngineRefused(f"SQL statement {cutter.text[:80]!r}")

    def _create_table(self, cutter: Cutter, mode: str) -> Any:
        quiet = cutter.take("IF", "NOT", "EXISTS")
        parts = cutter.name()
        name = self._tables.name(parts)
        spec = self._clauses(cutter)
        if spec["as"] is None and spec["columns"] is None and spec["provider"] in ("", "iceberg"):
            raise cutter.error("columns or a query")
        exists = self._tables.glue.table(name.database, name.table) is not None
        if exists and quiet:
            return self._statements.nothing()
        if exists and mode == "create":
            raise already_exists(name.shown)
        frame = self._statements.query(spec["as"]) if spec["as"] is not None else None
        if name.catalog != SESSION_CATALOG or spec["provider"] == "iceberg":
            self._create_iceberg(name, spec, frame, mode)
        elif spec["provider"] in ("delta", "hudi"):
            keeper = self._tables.delta if spec["provider"] == "delta" else self._tables.hudi
            keeper.create(name, spec, frame, self._tables.glue.table(name.database, name.table))
        else:
            engine.mark_written()
            self._tables.hive.create(name, spec, frame, replace=exists and mode != "create")
        return self._statements.nothing()

    def _clauses(self, cutter: Cutter) -> dict[str, Any]:
        spec: dict[str, Any] = {
            "columns": None,
            "provider": "",
            "partitioned": [],
            "location": "",
            "properties": {},
            "options": {},
            "comment": "",
            "as": None,
            "row_format": "",
            "stored": "",
        }
        if cutter.peek("(") and not cutter.peek("(", "SELECT"):
            spec["columns"] = cutter.brackets()
        while not cutter.done:
            if cutter.take("USING"):
                spec["provider"] = cutter.name()[-1].lower()
            elif cutter.take("PARTITIONED", "BY"):
                spec["partitioned"] = split_commas(cutter.brackets())
            elif cutter.take("LOCATION"):
                spec["location"] = _string(cutter.until(*_CLAUSES))
            elif cutter.take("TBLPROPERTIES"):
                spec["properties"] = _properties(cutter.brackets())
            elif cutter.take("OPTIONS"):
                spec["options"] = _properties(cutter.brackets())
            elif cutter.take("COMMENT"):
                spec["comment"] = _string(cutter.until(*_CLAUSES))
            elif cutter.take("ROW", "FORMAT"):
                spec["row_format"] = cutter.until(*_CLAUSES)
            elif cutter.take("STORED"):
                cutter.take("AS")
                spec["stored"] = cutter.until(*_CLAUSES)
            elif cutter.take("AS"):
                spec["as"] = cutter.rest()
            else:
                raise EngineRefused(f"CREATE TABLE clause at {cutter.rest()[:60]!r}")
        _located(spec)
        return spec

    def _create_iceberg(self, name: Any, spec: dict[str, Any], frame: Any, mode: str) -> None:
        import sqlglot

        from awsglue._runtime.iceberg import partitioning, versions, writes
        from awsglue._runtime.iceberg.requests import TableWrite

        versions.wanted(spec["properties"])
        versions.refuse_defaults(spec["columns"] or "")
        fields = []
        extra = []
        for piece in spec["partitioned"]:
            words = piece.split()
            if len(words) > 1 and "(" not in piece:
                extra.append(piece)
                piece = words[0]
            fields.append(partitioning.from_sql(sqlglot.parse_one(piece, read="spark")))
        schema_only = frame is None
        if schema_only:
            struct = self._struct(", ".join([spec["columns"] or "", *extra]).strip(", "))
            frame = self._services.session.createDataFrame([], struct)
        properties = dict(spec["properties"])
        if spec["comment"]:
            properties["comment"] = spec["comment"]
        writes.run(
            self._tables,
            self._services,
            name,
            TableWrite(
                action=mode,
                table=name.shown,
                frame=frame,
                provider="iceberg",
                properties=properties,
                partitioned_by=fields,
                location=spec["location"],
                schema_only=schema_only,
            ),
        )

    def _struct(self, columns: str) -> Any:
        return self._services.parse_ddl(columns)

    def _create_database(self, cutter: Cutter) -> Any:
        quiet = cutter.take("IF", "NOT", "EXISTS")
        name = cutter.name()[-1].lower()
        definition: dict[str, Any] = {"Name": name}
        while not cutter.done:
            if cutter.take("LOCATION"):
                definition["LocationUri"] = _string(cutter.until(("COMMENT",), ("WITH",)))
            elif cutter.take("COMMENT"):
                definition["Description"] = _string(cutter.until(("LOCATION",), ("WITH",)))
            elif cutter.take("WITH", "DBPROPERTIES") or cutter.take("WITH", "PROPERTIES"):
                definition["Parameters"] = _properties(cutter.brackets())
            else:
                raise cutter.error("LOCATION, COMMENT or WITH DBPROPERTIES")
        if self._tables.glue.database(name) is not None:
            if quiet:
                return self._statements.nothing()
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                f"[SCHEMA_ALREADY_EXISTS] Cannot create schema `{name}` because it already exists."
                "\nChoose a different name, drop the existing schema, or add the IF NOT EXISTS "
                "clause to tolerate pre-existing schema."
            )
        engine.mark_written()
        self._tables.glue.client.create_database(DatabaseInput=definition)
        return self._statements.nothing()

    # DROP
    def drop(self, cutter: Cutter) -> Any:
        """DROP TABLE | VIEW | DATABASE."""
        cutter.need("DROP")
        kind = cutter.words[cutter.at].text if not cutter.done else ""
        cutter.at += 1
        quiet = cutter.take("IF", "EXISTS")
        parts = cutter.name()
        if kind in ("DATABASE", "SCHEMA", "NAMESPACE"):
            return self._drop_database(parts[-1].lower(), quiet, cascade=cutter.take("CASCADE"))
        if kind not in ("TABLE", "VIEW"):
            raise EngineRefused(f"DROP {kind}")
        purge = cutter.take("PURGE")
        if len(parts) == 1 and self._tables.views.pop(parts[0].lower(), None) is not None:
            return self._statements.nothing()
        name = self._tables.name(parts)
        row = self._tables.glue.table(name.database, name.table)
        if row is None:
            if quiet:
                return self._statements.nothing()
            raise table_not_found(name.shown)
        if (kind == "VIEW") != is_view(row):
            from pyspark.errors import AnalysisException

            raise AnalysisException(
                f"[EXPECT_{'VIEW' if kind == 'VIEW' else 'TABLE'}_NOT_{'TABLE' if kind == 'VIEW' else 'VIEW'}"
                f".NO_ALTERNATIVE] {name.shown} is no {kind.lower()}."
            )
        engine.mark_written()
        if purge and is_iceberg(row):
            self._tables.iceberg(name.catalog).pyiceberg.purge_table((name.database, name.table))
        else:
            managed = row.get("TableType") == "MANAGED_TABLE" and not is_iceberg(row)
            self._tables.glue.client.delete_table(DatabaseName=name.database, Name=name.table)
            if managed and row.get("StorageDescriptor", {}).get("Location"):
                self._services.storage.delete_folder(row["StorageDescriptor"]["Location"])
        return self._statements.nothing()

    def _drop_database(self, name: str, quiet: bool, *, cascade: bool) -> Any:
        from pyspark.errors import AnalysisException

        if self._tables.glue.database(name) is None:
            if quiet:
                return self._statements.nothing()
            raise schema_not_found(name)
        if not cascade and self._tables.glue.tables(name):
            raise AnalysisException(
                f"[SCHEMA_NOT_EMPTY] Cannot drop a schema `{name}` because it contains objects.\n"
                "Use DROP SCHEMA ... CASCADE to drop the schema and all its objects."
            )
        engine.mark_written()
        self._tables.glue.client.delete_database(Name=name)
        return self._statements.nothing()

    # ALTER
    def alter(self, cutter: Cutter) -> Any:
        """ALTER TABLE …; ALTER VIEW … AS."""
        cutter.need("ALTER")
        if cutter.take("VIEW"):
            from awsglue._runtime.sql.views import Views

            return Views(self._services, self._statements).alter(cutter)
        if not cutter.take("TABLE"):
            raise EngineRefused(f"SQL statement {cutter.text[:80]!r}")
        name = self._tables.name(cutter.name())
        row = self._tables.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        engine.mark_written()
        if is_iceberg(row):
            from awsglue._runtime.iceberg.evolution import alter

            alter(self._tables, self._services, name, cutter)
        elif is_delta(row):
            from awsglue._runtime.delta.altering import alter as alter_delta

            alter_delta(self._tables, self._services, row, cutter)
        elif is_hudi(row):
            raise EngineRefused("ALTER TABLE of a Hudi table")
        else:
            self._tables.hive.alter(row, cutter)
        return self._statements.nothing()

    def repair(self, cutter: Cutter) -> Any:
        """MSCK REPAIR TABLE t."""
        cutter.need("MSCK")
        cutter.need("REPAIR")
        cutter.need("TABLE")
        name = self._tables.name(cutter.name())
        row = self._tables.glue.table(name.database, name.table)
        if row is None:
            raise table_not_found(name.shown)
        engine.mark_written()
        self._tables.hive.repair(row)
        return self._statements.nothing()


def _string(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1].replace("\\'", "'").replace('\\"', '"')
    return text


def _properties(text: str) -> dict[str, str]:
    """`'a'='b', c.d=1` as a dict."""
    out = {}
    for piece in split_commas(text):
        key, equals, value = piece.partition("=")
        if not equals:
            parts = piece.split(None, 1)
            key, value = parts[0], parts[1] if len(parts) > 1 else ""
        out[_string(key)] = _string(value)
    return out


def _located(spec: dict[str, Any]) -> None:
    """The option `path` is the table's location. Raises ParseException where both are given."""
    named = [key for key in spec["options"] if key.lower() == "path"]
    if not named:
        return
    path = spec["options"].pop(named[0])
    if spec["location"]:
        from pyspark.errors import ParseException

        raise ParseException(
            f"[_LEGACY_ERROR_TEMP_0032] Duplicated table paths found: '{spec['location']}' and '{path}'. LOCATION and "
            "the case insensitive key 'path' in OPTIONS are all used to indicate the custom table path, you can only "
            "specify one of them."
        )
    spec["location"] = path
