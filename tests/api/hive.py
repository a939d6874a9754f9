"""Servers with the Hive Metastore's door, and a stock client of it; the fixtures of the files that test it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hive_metastore import ThriftHiveMetastore, ttypes
from thrift.protocol import TBinaryProtocol
from thrift.transport import TSocket, TTransport

from tests.conftest import Server
from tests.ports import free_port

PARQUET = "org.apache.hadoop.hive.ql.io.parquet."


class HiveServer(Server):
    """A server whose catalog is also a Hive Metastore."""

    def __init__(self, data_dir: Path, env: dict[str, str] | None = None) -> None:
        self.hive_port = free_port()
        settings = {"MASTIC_HIVE_METASTORE_PORT": str(self.hive_port), "MASTIC_LOG_LEVEL": "debug"}
        super().__init__(data_dir, {**settings, **(env or {})})

    @property
    def uri(self) -> str:
        return f"thrift://127.0.0.1:{self.hive_port}"

    @contextlib.contextmanager
    def metastore(self) -> Iterator[Any]:
        """A connection of the client that Apache's own compiler made."""
        transport = TTransport.TBufferedTransport(TSocket.TSocket("127.0.0.1", self.hive_port))
        transport.open()
        try:
            yield ThriftHiveMetastore.Client(TBinaryProtocol.TBinaryProtocol(transport))
        finally:
            transport.close()


def columns(*pairs: tuple[str, str]) -> list[Any]:
    return [ttypes.FieldSchema(name=name, type=kind) for name, kind in pairs]


def descriptor(*pairs: tuple[str, str], location: str | None = None) -> Any:
    return ttypes.StorageDescriptor(
        cols=columns(*pairs),
        location=location,
        inputFormat=PARQUET + "MapredParquetInputFormat",
        outputFormat=PARQUET + "MapredParquetOutputFormat",
        serdeInfo=ttypes.SerDeInfo(
            serializationLib=PARQUET + "serde.ParquetHiveSerDe", parameters={"a": "b"}
        ),
    )


def table(database: str, name: str, *, keys: Any = (), location: str | None = None, **more: Any) -> Any:
    return ttypes.Table(
        tableName=name,
        dbName=database,
        owner="me",
        sd=descriptor(("id", "bigint"), ("text", "string"), location=location),
        partitionKeys=columns(*keys),
        parameters=more.pop("parameters", {}),
        **{"tableType": "MANAGED_TABLE", **more},
    )


def partition(database: str, name: str, *values: str, location: str | None = None) -> Any:
    return ttypes.Partition(
        values=list(values),
        dbName=database,
        tableName=name,
        sd=descriptor(("id", "bigint"), ("text", "string"), location=location),
        parameters={"numRows": "1"},
    )


# -- fixtures: import those that a file needs ------------------------------------------------------------------


@pytest.fixture
def server(hive_server: HiveServer) -> HiveServer:
    return hive_server


@pytest.fixture
def hive(server: HiveServer) -> Iterator[Any]:
    with server.metastore() as client:
        yield client


@pytest.fixture
def glue(server: HiveServer) -> Any:
    return server.client("glue")


@pytest.fixture
def db(hive: Any, name: str) -> str:
    hive.create_database(ttypes.Database(name=name, locationUri=f"s3://warehouse/{name}.db"))
    return name
