"""A catalog that stands for another server's Iceberg REST catalog, read through the Glue API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
import requests
from botocore.exceptions import ClientError
from pyiceberg.catalog.rest import RestCatalog

from tests.conftest import Server

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another server with tables of its own."""
    home: Path = tmp_path_factory.mktemp("outside")
    running = Server(home / "data").start()
    running.client("s3").create_bucket(Bucket="far")
    catalog = RestCatalog("far", uri=f"{running.endpoint}/iceberg")
    for name in ("sales", "empty"):
        catalog.create_namespace(name, {"location": f"s3://far/{name}", "comment": f"of {name}", "k": "v"})
    for name in ("orders", "lines", "customers"):
        catalog.create_table(("sales", name), SCHEMA)
    yield running
    running.stop()


def connect(server: Server, name: str, url: str, **members: Any) -> str:
    """A federated catalog by a connection of the same name; its id."""
    glue = server.client("glue")
    connection = {
        "Name": name,
        "ConnectionType": "ICEBERGRESTCATALOG",
        "ConnectionProperties": {"INSTANCE_URL": url},
        **members,
    }
    glue.create_connection(ConnectionInput=connection)
    federated = {"ConnectionName": name, "Identifier": "123456789012"}
    glue.create_catalog(Name=name, CatalogInput={"FederatedCatalog": federated})
    return f"123456789012:{name}"


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_metadata_of_no_time_is_told_of(server: Server, outside: Server, name: str) -> None:
    """What is outside may say anything."""
    far, s3 = outside.client("glue"), outside.client("s3")
    catalog = connect(server, name, f"{outside.endpoint}/iceberg")
    far.create_database(DatabaseInput={"Name": name})
    like = far.get_tables(DatabaseName="sales")["TableList"][0]["Parameters"]
    bucket, _, key = like["metadata_location"].removeprefix("s3://").partition("/")
    metadata = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    s3.put_object(
        Bucket=bucket,
        Key=f"{name}.metadata.json",
        Body=json.dumps({**metadata, "last-updated-ms": 10**17}).encode(),
    )
    parameters = {"table_type": "ICEBERG", "metadata_location": f"s3://{bucket}/{name}.metadata.json"}
    far.create_table(DatabaseName=name, TableInput={"Name": "t", "Parameters": parameters})
    with pytest.raises(ClientError, match="100000000000000000") as refused:
        server.client("glue").get_table(CatalogId=catalog, DatabaseName=name, Name="t")
    assert code(refused) == "FederationSourceException"
    far.delete_database(Name=name)


def test_databases_and_tables_are_read_there(server: Server, outside: Server, name: str) -> None:
    glue = server.client("glue")
    catalog = connect(server, name, f"{outside.endpoint}/iceberg")
    found = glue.get_catalog(CatalogId=catalog)["Catalog"]
    assert found["FederatedCatalog"] == {"ConnectionName": name, "Identifier": "123456789012"}
    databases = glue.get_databases(CatalogId=catalog)["DatabaseList"]
    assert [d["Name"] for d in databases] == ["empty", "sales"]
    sales = glue.get_database(CatalogId=catalog, Name="Sales")["Database"]
    assert sales == databases[1]
    assert (sales["LocationUri"], sales["Description"], sales["Parameters"]) == (
        "s3://far/sales",
        "of sales",
        {"k": "v"},
    )
    assert sales["FederatedDatabase"] == {"Identifier": "sales", "ConnectionName": name}
    table = glue.get_table(CatalogId=catalog, DatabaseName="sales", Name="ORDERS")["Table"]
    there = outside.client("glue").get_table(DatabaseName="sales", Name="orders")["Table"]
    assert table["Parameters"]["metadata_location"] == there["Parameters"]["metadata_location"]
    assert table["StorageDescriptor"] == there["StorageDescriptor"]
    assert (table["CatalogId"], table["DatabaseName"]) == (catalog, "sales")
    assert table["FederatedTable"]["Identifier"] == "orders"
    # Nothing is remembered: what changes there has changed here.
    RestCatalog("far", uri=f"{outside.endpoint}/iceberg").load_table(("sales", "orders")).append(
        pa.table({"a": [1], "b": ["x"]})
    )
    again = glue.get_table(CatalogId=catalog, DatabaseName="sales", Name="orders")["Table"]
    assert again["Parameters"]["metadata_location"] != table["Parameters"]["metadata_location"]
    pages = glue.get_paginator("get_tables").paginate(
        CatalogId=catalog, DatabaseName="sales", PaginationConfig={"PageSize": 2}
    )
    assert [[t["Name"] for t in page["TableList"]] for page in pages] == [["customers", "lines"], ["orders"]]
    some = glue.get_tables(CatalogId=catalog, DatabaseName="sales", Expression=".*s")["TableList"]
    assert [t["Name"] for t in some] == ["customers", "lines", "orders"]
    some = glue.get_tables(CatalogId=catalog, DatabaseName="sales", Expression="l.*")["TableList"]
    assert [t["Name"] for t in some] == ["lines"]
    for missing in ({"DatabaseName": "sales", "Name": "none"}, {"DatabaseName": "none", "Name": "orders"}):
        with pytest.raises(glue.exceptions.EntityNotFoundException):
            glue.get_table(CatalogId=catalog, **missing)


def test_a_database_here_may_be_a_link_there(server: Server, outside: Server, name: str) -> None:
    glue = server.client("glue")
    catalog = connect(server, name, f"{outside.endpoint}/iceberg")
    target = {"CatalogId": catalog, "DatabaseName": "sales"}
    glue.create_database(DatabaseInput={"Name": name, "TargetDatabase": target})
    assert glue.get_table(DatabaseName=name, Name="orders")["Table"]["CatalogId"] == catalog
    assert len(glue.get_tables(DatabaseName=name)["TableList"]) == 3


def test_nothing_is_written_there(server: Server, outside: Server, name: str) -> None:
    glue = server.client("glue")
    catalog = connect(server, name, f"{outside.endpoint}/iceberg")
    for call in (
        lambda: glue.create_database(CatalogId=catalog, DatabaseInput={"Name": "x"}),
        lambda: glue.delete_database(CatalogId=catalog, Name="sales"),
        lambda: glue.create_table(CatalogId=catalog, DatabaseName="sales", TableInput={"Name": "x"}),
        lambda: glue.update_table(CatalogId=catalog, DatabaseName="sales", TableInput={"Name": "orders"}),
        lambda: glue.delete_table(CatalogId=catalog, DatabaseName="sales", Name="orders"),
        lambda: glue.get_partitions(CatalogId=catalog, DatabaseName="sales", TableName="orders"),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "InvalidInputException"
        assert "read only" in str(error.value)
    by_rest = requests.get(f"{server.endpoint}/iceberg/v1/config", params={"warehouse": catalog}, timeout=60)
    assert by_rest.status_code == 400
    glue.delete_catalog(CatalogId=catalog)
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_catalog(CatalogId=catalog)


def test_what_cannot_be_reached_says_so(server: Server, outside: Server, name: str) -> None:
    glue = server.client("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.create_catalog(Name=name, CatalogInput={"FederatedCatalog": {"ConnectionName": "none"}})
    jdbc = {"JDBC_CONNECTION_URL": "jdbc:postgresql://127.0.0.1:1/x", "USERNAME": "u", "PASSWORD": "p"}
    connection = {"Name": f"{name}j", "ConnectionType": "JDBC", "ConnectionProperties": jdbc}
    glue.create_connection(ConnectionInput=connection)
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.create_catalog(Name=name, CatalogInput={"FederatedCatalog": {"ConnectionName": f"{name}j"}})
    for suffix, url in (("a", "http://127.0.0.1:1"), ("b", f"{outside.endpoint}/nothing"), ("c", "ftp://x")):
        catalog = connect(server, f"{name}{suffix}", url)
        with pytest.raises(ClientError) as error:
            glue.get_databases(CatalogId=catalog)
        assert code(error) == "FederationSourceException", suffix
    local = f"{name}l"
    glue.create_catalog(Name=local, CatalogInput={})
    glue.create_database(CatalogId=f"123456789012:{local}", DatabaseInput={"Name": "mine"})
    federated = {"ConnectionName": f"{name}a"}
    with pytest.raises(glue.exceptions.InvalidInputException, match="of its own"):
        glue.update_catalog(CatalogId=f"123456789012:{local}", CatalogInput={"FederatedCatalog": federated})


class _Guarded(BaseHTTPRequestHandler):
    """Gives a token for the right secret, and the one namespace of a catalog for the token."""

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        right = (
            form["client_id"] == ["me"] and form["client_secret"] == ["secret"] and form["scope"] == ["all"]
        )
        self._answer(200, {"access_token": "t0ken", "token_type": "bearer"}) if right else self._answer(
            401, {"error": "invalid_client"}
        )

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != "Bearer t0ken":
            self._answer(401, {"error": {"message": "no token", "type": "x", "code": 401}})
            return
        answers: dict[str, Any] = {
            "/v1/config": {"defaults": {}, "overrides": {"prefix": "p"}},
            "/v1/p/namespaces": {"namespaces": [["Mixed"]]},
            "/v1/p/namespaces/Mixed": {"namespace": ["Mixed"], "properties": {}},
            "/v1/p/namespaces/Mixed/tables": {"identifiers": [{"namespace": ["Mixed"], "name": "T"}]},
            "/v1/p/namespaces/Mixed/tables/T": {"metadata-location": "s3://x/y", "metadata": {"nonsense": 1}},
        }
        self._answer(200, answers[urlsplit(self.path).path])

    def _answer(self, status: int, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


def test_tokens_and_other_peoples_catalogs(server: Server, name: str) -> None:
    guarded = ThreadingHTTPServer(("127.0.0.1", 0), _Guarded)
    threading.Thread(target=guarded.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{guarded.server_port}"
        glue = server.client("glue")

        def oauth2(secret: str) -> dict[str, Any]:
            properties = {
                "OAuth2GrantType": "CLIENT_CREDENTIALS",
                "OAuth2ClientApplication": {"UserManagedClientApplicationClientId": "me"},
                "TokenUrlParametersMap": {"scope": "all"},
                "OAuth2Credentials": {"UserManagedClientApplicationClientSecret": secret},
            }
            return {"AuthenticationType": "OAUTH2", "OAuth2Properties": properties}

        right = connect(server, name, url, AuthenticationConfiguration=oauth2("secret"))
        found = glue.get_databases(CatalogId=right)["DatabaseList"]
        assert [(d["Name"], d["FederatedDatabase"]["Identifier"]) for d in found] == [("mixed", "Mixed")]
        with pytest.raises(ClientError) as error:
            glue.get_table(CatalogId=right, DatabaseName="mixed", Name="t")
        assert code(error) == "InvalidInputException"
        wrong = connect(server, f"{name}w", url, AuthenticationConfiguration=oauth2("other"))
        plain = connect(server, f"{name}p", url)
        for catalog in (wrong, plain):
            with pytest.raises(ClientError) as error:
                glue.get_databases(CatalogId=catalog)
            assert code(error) == "FederationSourceException"
            assert "401" in str(error.value)
        custom = {
            "AuthenticationType": "CUSTOM",
            "CustomAuthenticationCredentials": {"BEARER_TOKEN": "t0ken"},
        }
        token = connect(server, f"{name}t", url, AuthenticationConfiguration=custom)
        assert len(glue.get_databases(CatalogId=token)["DatabaseList"]) == 1
    finally:
        guarded.shutdown()
        guarded.server_close()
