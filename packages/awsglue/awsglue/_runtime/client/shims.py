"""Makes unmodified script heads work on the Connect client: modules it lacks, a builder that knows our session.

`pyspark-client` has no pyspark.context, pyspark.rdd, pyspark.broadcast …; a finder on sys.meta_path supplies thin ones.
When `pyspark` has been imported, its SparkSession becomes the Connect class with our builder.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Sequence
from typing import Any

from awsglue._runtime.client import vanishing
from awsglue._runtime.delta import modules as delta_modules

_CONTEXT = "awsglue._runtime.client.spark_context"
_RDD = "awsglue._runtime.client.local_rdd"
_SQL_CONTEXT = "awsglue._runtime.client.sql_context"

# module the client lacks -> {name: (our module, its name there)}
MODULES: dict[str, dict[str, tuple[str, str]]] = {
    "pyspark.context": {
        "SparkContext": (_CONTEXT, "SparkContext"),
        "SparkConf": ("pyspark.conf", "SparkConf"),
    },
    "pyspark.core": {},
    "pyspark.core.context": {"SparkContext": (_CONTEXT, "SparkContext")},
    "pyspark.core.rdd": {"RDD": (_RDD, "LocalRDD")},
    "pyspark.core.broadcast": {"Broadcast": (_CONTEXT, "Broadcast")},
    "pyspark.core.files": {"SparkFiles": (_CONTEXT, "SparkFiles")},
    "pyspark.rdd": {"RDD": (_RDD, "LocalRDD")},
    "pyspark.broadcast": {"Broadcast": (_CONTEXT, "Broadcast")},
    "pyspark.files": {"SparkFiles": (_CONTEXT, "SparkFiles")},
}
TOP = {
    "SparkContext": (_CONTEXT, "SparkContext"),
    "RDD": (_RDD, "LocalRDD"),
    "Broadcast": (_CONTEXT, "Broadcast"),
    "SparkFiles": (_CONTEXT, "SparkFiles"),
    "SQLContext": (_SQL_CONTEXT, "SQLContext"),
    "HiveContext": (_SQL_CONTEXT, "HiveContext"),
}


class _Shim(types.ModuleType):
    """A module whose names come from ours when they are asked for."""

    def __getattr__(self, name: str) -> Any:
        place = MODULES.get(self.__name__, {}).get(name)
        if place is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(place[0]), place[1])


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the missing modules, and wraps the loading of `pyspark` itself."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        if name in MODULES:
            package = name == "pyspark.core"
            return importlib.machinery.ModuleSpec(name, self, is_package=package)
        if name in _ADAPTED:
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is not None and spec.loader is not None:
                spec.loader = _AfterLoading(spec.loader)
            return spec
        return None

    def create_module(self, spec: Any) -> Any:
        return _Shim(spec.name)

    def exec_module(self, module: Any) -> None:
        module.__all__ = list(MODULES[module.__name__])


class _AfterLoading(importlib.abc.Loader):
    """Loads a module as usual, then adapts it."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: Any) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: Any) -> None:
        self._loader.exec_module(module)
        _ADAPTED[module.__name__](module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)


def install() -> None:
    """Put the finder in place, and adapt pyspark if it is loaded already."""
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Finder())
    delta_modules.install()
    if "pyspark" in sys.modules:
        adapt(sys.modules["pyspark"])
    if "botocore.client" in sys.modules:
        vanishing.adapt(sys.modules["botocore.client"])


def _stay_remote(module: Any) -> None:
    # The client looks for pyspark.core to learn whether it is alone; our stand-in must not mislead it.
    module._is_remote_only = True


def adapt(pyspark: Any) -> None:
    """Give the loaded client the names of classic PySpark."""

    def lazily(name: str) -> Any:
        place = TOP.get(name)
        if place is None:
            raise AttributeError(f"module 'pyspark' has no attribute {name!r}")
        return getattr(importlib.import_module(place[0]), place[1])

    for name in TOP:
        pyspark.__dict__.pop(name, None)
    pyspark.__getattr__ = lazily
    pyspark.__all__ = [*dict.fromkeys([*getattr(pyspark, "__all__", []), *TOP])]
    import pyspark.sql
    import pyspark.sql.context
    import pyspark.sql.session
    from pyspark.sql.connect.session import SparkSession

    from awsglue._runtime.client.builder import BuilderProperty, from_contexts
    from awsglue._runtime.client.sql_context import HiveContext, SQLContext

    SparkSession.builder = BuilderProperty()  # type: ignore[assignment]
    from_contexts(SparkSession)
    pyspark.sql.SparkSession = SparkSession  # type: ignore[misc,assignment]
    pyspark.sql.session.SparkSession = SparkSession  # type: ignore[misc,assignment]
    for module in (pyspark.sql, pyspark.sql.context):
        module.SQLContext = SQLContext  # type: ignore[attr-defined]
        module.HiveContext = HiveContext  # type: ignore[attr-defined]


_ADAPTED = {"pyspark": adapt, "pyspark.util": _stay_remote, "botocore.client": vanishing.adapt}
