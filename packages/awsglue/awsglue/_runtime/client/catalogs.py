"""`spark.catalog` and temporary views of the Connect client, served by our own tables."""

from __future__ import annotations

from typing import Any

from awsglue._runtime.catalog.names import split_identifier


def install() -> None:
    """Patch Catalog and the view methods of DataFrame."""
    _views()
    _catalog()


def _tables() -> Any:
    from awsglue._runtime.engine import services

    return services().tables


def _views() -> None:
    from pyspark.errors import AnalysisException
    from pyspark.sql.connect.dataframe import DataFrame

    def method(*, replace: bool, prefix: str = "") -> Any:
        def create(self: Any, name: str) -> None:
            views = _tables().views
            key = prefix + split_identifier(name)[-1].lower()
            if not replace and key in views:
                raise AnalysisException(
                    f"[TEMP_TABLE_OR_VIEW_ALREADY_EXISTS] Cannot create the temporary view `{name}` because it already "
                    "exists.\nChoose a different name, drop or replace the existing view,  or add the IF NOT EXISTS "
                    "clause to tolerate pre-existing views."
                )
            self.schema  # noqa: B018 - a view over a wrong plan fails here, as in Spark
            views[key] = self

        return create

    DataFrame.createTempView = method(replace=False)  # type: ignore[method-assign]
    DataFrame.createOrReplaceTempView = method(replace=True)  # type: ignore[method-assign]
    DataFrame.createGlobalTempView = method(replace=False, prefix="global_temp.")  # type: ignore[method-assign]
    DataFrame.createOrReplaceGlobalTempView = method(replace=True, prefix="global_temp.")  # type: ignore[method-assign]
    DataFrame.registerTempTable = method(replace=True)  # type: ignore[attr-defined]


def _catalog() -> None:
    from pyspark.sql.connect.catalog import Catalog

    from awsglue._runtime.catalog.spark_catalog import methods
    from awsglue._runtime.engine import services

    def drop_view(self: Any, viewName: str) -> bool:
        return _tables().views.pop(viewName.lower(), None) is not None

    def drop_global(self: Any, viewName: str) -> bool:
        return _tables().views.pop("global_temp." + viewName.lower(), None) is not None

    for name, method in methods(services).items():
        setattr(Catalog, name, method)
    Catalog.dropTempView = drop_view  # type: ignore[method-assign]
    Catalog.dropGlobalTempView = drop_global  # type: ignore[method-assign]
    # Caching does not change answers, so there is nothing to clear.
    Catalog.clearCache = lambda self: None  # type: ignore[method-assign]
