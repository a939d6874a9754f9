"""Loads the interface definition that stands beside this module. Owns no state."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def load() -> Any:
    """An object with a class for every struct, and the service as ``ThriftHiveMetastore``."""
    from thriftpy2.parser import parser

    path = Path(__file__).with_name("metastore.thrift")
    parse: Any = parser.parse
    return parse(str(path), module_name="hive_metastore_thrift", enable_cache=False)
