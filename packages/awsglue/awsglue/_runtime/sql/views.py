"""Views: temporary ones in the session, Spark views and multi-dialect views in the catalog."""

from __future__ import annotations

import os
import re
from typing import Any

from awsglue._runtime import engine
from awsglue._runtime.catalog.glue import already_exists, table_input, table_not_found
from awsglue._runtime.catalog.names import SESSION_CATALOG
from awsglue._runtime.catalog.tables import is_view
from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.io import access
from awsglue._runtime.sql.tokens import Cutter, split_commas

DIALECT = "SPARK"
DIALECT_VERSION = "3.5.4"


class Views:
    """Views of one session and its catalog."""

    def __init__(self, services: Any, statements: Any) -> None:
        self._services = services
        self._statements = statements
        self._tables = services.tables

    def create(self, cutter: Cutter, *, replace: bool, temporary: bool, is_global: bool) -> Any:
        """What follows CREATE [OR REPLACE] [[GLOBAL] TEMPORARY] VIEW."""
        quiet = cutter.take("IF", "NOT", "EXISTS")
        parts = cutter.name()
        if temporary and cutter.peek("USING"):
            raise EngineRefused("CREATE TEMPORARY VIEW … USING")
        columns = _column_names(cutter.brackets()) if cutter.peek("(") else None
        comment, properties = "", {}
        while not cutter.peek("AS"):
            if cutter.take("COMMENT"):
                comment = cutter.until(("AS",), ("TBLPROPERTIES",)).strip("'\"")
            elif cutter.take("TBLPROPERTIES"):
                from awsglue._runtime.sql.ddl import _properties

                properties = _properties(cutter.brackets())
            else:
                raise cutter.error("AS")
        cutter.need("AS")
        text = cutter.rest()
        frame = self._statements.query(text)
        if columns is not None:
            frame = _renamed(frame, columns)
        if temporary:
            return self._temporary(parts[-1], frame, replace, is_global)
        definition = self._definition(self._tables.name(parts), text, frame, comment)
        definition["Parameters"] |= properties
        self._store(self._tables.name(parts), definition, replace=replace, quiet=quiet)
        return self._statements.nothing()

    def _temporary(self, name: str, frame: Any, replace: bool, is_global: bool) -> Any:
        if is_global:
            (frame.createOrReplaceGlobalTempView if replace else frame.createGlobalTempView)(name)
        else:
            (frame.createOrReplaceTempView if replace else frame.createTempView)(name)
        return self._statements.nothing()

    def _definition(self, name: Any, text: str, frame: Any, comment: str) -> dict[str, Any]:
        """TableInput of a Spark view: the text, its columns, and where names in it were looked up."""
        from awsglue._runtime.catalog.hive_types import hive_type

        outputs = frame.columns
        parameters = {
            "view.catalogAndNamespace.numParts": "2",
            "view.catalogAndNamespace.part.0": self._tables.catalog,
            "view.catalogAndNamespace.part.1": self._tables.database,
            "view.query.out.numCols": str(len(outputs)),
            "spark.sql.create.version": DIALECT_VERSION,
        }
        parameters |= {f"view.query.out.col.{position}": column for position, column in enumerate(outputs)}
        if comment:
            parameters["comment"] = comment
        columns = [
            {"Name": item.name.lower(), "Type": hive_type(item.dataType)} for item in frame.schema.fields
        ]
        return {
            "Name": name.table,
            "TableType": "VIRTUAL_VIEW",
            "ViewOriginalText": text,
            "ViewExpandedText": text,
            "Parameters": parameters,
            "StorageDescriptor": {"Columns": columns, "Location": "", "SerdeInfo": {}},
            "PartitionKeys": [],
        }

    def _store(self, name: Any, definition: dict[str, Any], *, replace: bool, quiet: bool = False) -> None:
        if name.catalog != SESSION_CATALOG and name.catalog not in self._tables.catalogs:
            raise table_not_found(name.shown)
        row = self._tables.glue.table(name.database, name.table)
        if row is not None and quiet:
            return
        if row is not None and not (replace and is_view(row)):
            raise already_exists(name.shown)
        engine.mark_written()
        if row is None:
            self._tables.glue.client.create_table(DatabaseName=name.database, TableInput=definition)
        else:
            self._tables.glue.client.update_table(DatabaseName=name.database, TableInput=definition)

    def alter(self, cutter: Cutter) -> Any:
        """ALTER VIEW v AS query; ALTER VIEW v SET TBLPROPERTIES."""
        name = self._tables.name(cutter.name())
        row = self._tables.glue.table(name.database, name.table)
        if row is None or not is_view(row):
            raise table_not_found(name.shown)
        if cutter.take("AS"):
            text = cutter.rest()
            definition = self._definition(name, text, self._statements.query(text), "")
        elif cutter.take("SET", "TBLPROPERTIES"):
            from awsglue._runtime.sql.ddl import _properties

            definition = table_input(row)
            definition["Parameters"] = {**row.get("Parameters", {}), **_properties(cutter.brackets())}
        else:
            raise EngineRefused(f"ALTER VIEW {cutter.rest()[:60]!r}")
        engine.mark_written()
        self._tables.glue.client.update_table(DatabaseName=name.database, TableInput=definition)
        return self._statements.nothing()

    # reading
    def frame(self, name: Any, row: dict[str, Any]) -> Any:
        """A DataFrame over a catalog view. Raises AnalysisException for a view with no Spark text."""
        from pyspark.errors import AnalysisException

        text = _spark_text(row)
        if text is None:
            raise AnalysisException(
                f"[INVALID_VIEW_TEXT] The view {name.shown} cannot be displayed due to invalid view "
                "text: it has no Spark dialect."
            )
        tables = self._tables
        parameters = row.get("Parameters", {})
        before = (tables.catalog, tables.database, tables.views)
        # Names in a view mean what they meant where it was made; temporary views are not seen from inside.
        tables.catalog = parameters.get("view.catalogAndNamespace.part.0", tables.catalog)
        tables.database = parameters.get("view.catalogAndNamespace.part.1", name.database)
        tables.views = {}
        try:
            frame = self._statements.query(text)
        finally:
            tables.catalog, tables.database, tables.views = before
        wanted = [column["Name"] for column in row.get("StorageDescriptor", {}).get("Columns", ())]
        if len(wanted) == len(frame.columns) and [n.lower() for n in frame.columns] != [
            n.lower() for n in wanted
        ]:
            frame = frame.toDF(*wanted)
        return frame

    # multi-dialect
    def multi_dialect(self, match: re.Match[str]) -> Any:
        """CREATE [OR REPLACE] PROTECTED MULTI DIALECT VIEW v SECURITY DEFINER AS query."""
        import json

        from awsglue._runtime.catalog.names import split_identifier

        name = self._tables.name(split_identifier(match["name"]))
        text = match["query"].strip()
        frame = self._statements.query(text)
        definition = self._definition(name, text, frame, "")
        definition["ViewDefinition"] = {
            "IsProtected": True,
            "SubObjects": self._sub_objects(text),
            "Representations": [
                {
                    "Dialect": DIALECT,
                    "DialectVersion": DIALECT_VERSION,
                    "ViewOriginalText": text,
                    "ViewExpandedText": text,
                }
            ],
        }
        definer = os.environ.get("MASTIC_ROLE_ARN")
        if definer:
            definition["ViewDefinition"]["Definer"] = definer
        if match["json"]:
            return self._statements.result([(json.dumps(definition),)], "view_json string")
        self._store(name, definition, replace=bool(match["replace"]), quiet=bool(match["exists"]))
        return self._statements.nothing()

    def _sub_objects(self, text: str) -> list[str]:
        """ARNs of the tables a view stands on."""
        from awsglue._runtime.sql import sources

        account = ""
        out = []
        for reference in sources.references(sources.parse(text)[0], text):
            name = self._tables.name(reference.parts)
            row = self._tables.glue.table(name.database, name.table)
            if row is None:
                raise table_not_found(name.shown)
            account = row.get("CatalogId", account)
            out.append(f"arn:aws:glue:{access.region()}:{account}:table/{name.database}/{name.table}")
        return list(dict.fromkeys(out))

    def dialect(self, match: re.Match[str]) -> Any:
        """ALTER VIEW v [FORCE] ADD | UPDATE | DROP DIALECT [AS query]."""
        from pyspark.errors import AnalysisException

        from awsglue._runtime.catalog.names import split_identifier

        name = self._tables.name(split_identifier(match["name"]))
        row = self._tables.glue.table(name.database, name.table)
        if row is None or not is_view(row):
            raise table_not_found(name.shown)
        action = match["action"].upper()
        text = match.groupdict().get("query")
        known = row.get("ViewDefinition", {}).get("Representations", [])
        has = any(item.get("Dialect") == DIALECT for item in known)
        if (action == "ADD" and has) or (action != "ADD" and not has):
            raise AnalysisException(
                f"View {name.shown} has {'already a' if has else 'no'} {DIALECT} dialect."
            )
        representation: dict[str, Any] = {"Dialect": DIALECT, "DialectVersion": DIALECT_VERSION}
        if text:
            text = text.strip()
            self._statements.query(text)
            representation |= {"ViewOriginalText": text, "ViewExpandedText": text}
        definition = table_input(row)
        definition["ViewDefinition"] = {"Representations": [representation]}
        engine.mark_written()
        self._tables.glue.client.update_table(
            DatabaseName=name.database,
            TableInput=definition,
            Force=bool(match.groupdict().get("force")),
            ViewUpdateAction={"ADD": "ADD", "UPDATE": "REPLACE", "DROP": "DROP"}[action],
        )
        return self._statements.nothing()


def _spark_text(row: dict[str, Any]) -> str | None:
    representations = row.get("ViewDefinition", {}).get("Representations", [])
    for item in representations:
        if item.get("Dialect") == DIALECT:
            if item.get("IsStale"):
                from pyspark.errors import AnalysisException

                raise AnalysisException(f"The {DIALECT} dialect of view {row['Name']} is stale.")
            return str(item.get("ViewExpandedText") or item.get("ViewOriginalText"))
    text = row.get("ViewOriginalText") or row.get("ViewExpandedText") or ""
    if representations or not text or text.lstrip().startswith("/* Presto"):
        return None
    return str(text)


def _column_names(text: str) -> list[str]:
    return [piece.split()[0].strip("`") for piece in split_commas(text)]


def _renamed(frame: Any, columns: list[str]) -> Any:
    from pyspark.errors import AnalysisException

    if len(frame.columns) != len(columns):
        raise AnalysisException(
            "[CREATE_VIEW_COLUMN_ARITY_MISMATCH] Cannot create view: the number of view columns does not match the "
            "number of data columns."
        )
    return frame.toDF(*columns)
