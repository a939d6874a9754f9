"""`import delta`: the package that Delta's users import, served by our own classes.

A finder, not a package on disk: with Delta's jars on Apache Spark, Delta's own package of this name is to be found.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

NAMES = ("delta", "delta.tables", "delta.exceptions")


class _Loader(Loader):
    """Fills `delta`, `delta.tables` and `delta.exceptions`."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == "delta.exceptions":
            from awsglue._runtime.delta import errors

            module.__dict__.update(
                {name: one for name, one in vars(errors).items() if not name.startswith("_")}
            )
            return
        from awsglue._runtime.delta import api

        module.__dict__.update({name: getattr(api, name) for name in api.__all__})
        if module.__name__ == "delta":
            module.__dict__["configure_spark_with_delta_pip"] = configure_spark_with_delta_pip


def configure_spark_with_delta_pip(spark_session_builder: object, extra_packages: object = None) -> object:
    """The builder as it is: no jars are needed."""
    return spark_session_builder


class _Finder(MetaPathFinder):
    """Finds the three names, and nothing else; none of them where Delta's own are to be found."""

    def __init__(self, unless: Callable[[], bool]) -> None:
        self._unless = unless

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in NAMES or self._unless():
            return None
        return ModuleSpec(fullname, _Loader(), is_package=fullname == "delta")


def install(unless: Callable[[], bool] = lambda: False) -> None:
    """Make the names importable, once in this process."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(unless))
