"""Connections that really lead somewhere: tested, and their tables described and read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pymysql
import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server
from tests.mariadb import mariadb
from tests.postgres import database, postgresql

__all__ = ["mariadb", "postgresql"]

PASSWORD = "r3ally-secret"


@pytest.fixture(scope="module")
def glue(server: Server) -> Any:
    return server.client("glue")


@pytest.fixture
def postgres(glue: Any, postgresql: int, name: str) -> Iterator[str]:
    """A connection to a database with orders in it."""
    with database(postgresql) as url:
        base = url.rpartition("/")[2]
        with psycopg.connect(f"host=127.0.0.1 port={postgresql} user=postgres dbname={base}") as tx:
            tx.execute("CREATE SCHEMA shop")
            tx.execute(
                'CREATE TABLE shop.orders (id int PRIMARY KEY, "Name" text NOT NULL, price numeric(10, 2), day date, '
                "at timestamptz, raw bytea, tags text[], doc jsonb, big bigint, paid boolean)"
            )
            tx.execute(
                "INSERT INTO shop.orders SELECT n, 'order ' || n, n + 0.25, date '2026-01-01' + n, "
                "timestamptz '2026-01-01 00:00Z', '\\x0102', ARRAY['a', 'b'], '{\"k\": [1]}', 9007199254740993, "
                "n % 2 = 0 FROM generate_series(1, 5) n"
            )
            tx.execute("CREATE VIEW shop.cheap AS SELECT id FROM shop.orders WHERE price < 3")
        properties = {
            "JDBC_CONNECTION_URL": f"jdbc:postgresql://127.0.0.1:{postgresql}/{base}", "USERNAME": "postgres",
            "PASSWORD": "any",
        }  # fmt: skip
        given = {"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": properties}
        glue.create_connection(ConnectionInput=given)
        yield name


def refused(call: Any, code: str = "InvalidInputException", **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    assert raised.value.response["Error"]["Code"] == code
    return str(raised.value)


def records(glue: Any, connection: str, **request: Any) -> list[dict[str, Any]]:
    """All pages."""
    found, token = [], None
    while True:
        more = {"NextToken": token} if token else {}
        reply = glue.get_entity_records(ConnectionName=connection, **{"Limit": 2, **request}, **more)
        assert len(reply["Records"]) <= request.get("Limit", 2)
        found += reply["Records"]
        token = reply.get("NextToken")
        if token is None:
            return found


def test_entities_of_postgresql(glue: Any, postgres: str) -> None:
    glue.test_connection(ConnectionName=postgres)
    schemas = glue.list_entities(ConnectionName=postgres)["Entities"]
    assert [(e["EntityName"], e["IsParentEntity"]) for e in schemas] == [("public", True), ("shop", True)]
    tables = glue.list_entities(ConnectionName=postgres, ParentEntityName="shop")["Entities"]
    assert [(e["EntityName"], e["Label"], e["Category"], e["IsParentEntity"]) for e in tables] == [
        ("shop.cheap", "cheap", "VIEW", False),
        ("shop.orders", "orders", "TABLE", False),
    ]
    fields = glue.describe_entity(ConnectionName=postgres, EntityName="shop.orders")["Fields"]
    assert [(f["FieldName"], f["FieldType"], f["IsPrimaryKey"], f["IsNullable"]) for f in fields] == [
        ("id", "INT", True, False),
        ("Name", "STRING", False, False),
        ("price", "DECIMAL", False, True),
        ("day", "DATE", False, True),
        ("at", "TIMESTAMP", False, True),
        ("raw", "BINARY", False, True),
        ("tags", "ARRAY", False, True),
        ("doc", "STRING", False, True),
        ("big", "BIGINT", False, True),
        ("paid", "BOOLEAN", False, True),
    ]
    assert fields[4]["NativeDataType"] == "timestamp with time zone"


def test_records_of_postgresql(glue: Any, postgres: str) -> None:
    orders = {"EntityName": "shop.orders"}
    every = records(glue, postgres, **orders)
    assert [one["id"] for one in every] == [1, 2, 3, 4, 5]
    first = every[0]
    assert (first["Name"], first["price"], first["day"], first["big"]) == (
        "order 1", 1.25, "2026-01-02", 9007199254740993,
    )  # fmt: skip
    assert (first["raw"], first["tags"], first["doc"], first["paid"]) == (
        "AQI=",
        ["a", "b"],
        {"k": [1]},
        False,
    )
    chosen = records(
        glue, postgres, **orders, SelectedFields=["NAME", "id"], OrderBy="price DESC",
        FilterPredicate="(price BETWEEN 2 AND 4.5 AND name LIKE 'order %') OR id IN (5) AND NOT day IS NULL",
    )  # fmt: skip
    assert chosen == [{"Name": f"order {n}", "id": n} for n in (5, 4, 3, 2)]
    after = records(
        glue, postgres, **orders, FilterPredicate="day > date '2026-01-04'", SelectedFields=["id"]
    )
    assert after == [{"id": 4}, {"id": 5}]
    read = glue.get_entity_records
    at = {"ConnectionName": postgres, **orders, "Limit": 1}
    for predicate in (
        "1=1; DROP TABLE shop.orders", "pg_sleep(1) IS NULL", "id IN (SELECT 1)", "nothing = 1", "price =", "x.id = 1",
        "EXISTS (SELECT 1)", "cast(id AS int) = 1",
    ):  # fmt: skip
        refused(read, **at, FilterPredicate=predicate)
    refused(read, **at, OrderBy="id; DROP TABLE shop.orders")
    refused(read, **at, OrderBy="random()")
    assert "nope" in refused(read, **at, SelectedFields=["id", "nope"])
    refused(read, "EntityNotFoundException", ConnectionName=postgres, EntityName="shop.none", Limit=1)
    refused(read, "EntityNotFoundException", ConnectionName=postgres + "x", EntityName="shop.none", Limit=1)
    token = read(**at)["NextToken"]
    refused(read, **{**at, "FilterPredicate": "id > 1"}, NextToken=token)
    assert len(records(glue, postgres, **orders)) == 5


def test_mariadb_is_tested_with_its_password_and_read(glue: Any, mariadb: int, name: str) -> None:
    server = pymysql.connect(host="127.0.0.1", port=mariadb, user="root", autocommit=True)
    with server as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        cursor.execute(f"GRANT ALL ON {name}.* TO {name}@'127.0.0.1'")
        cursor.execute(
            f"CREATE TABLE {name}.t (id bigint PRIMARY KEY, word varchar(20), at datetime, b blob)"
        )
        cursor.execute(
            f"INSERT INTO {name}.t VALUES (2, 'a\"b`c', '2026-01-02', x'00'), (1, '50% off', NULL, NULL)"
        )
    properties = {"HOST": "127.0.0.1", "PORT": str(mariadb), "DATABASE": name}
    basic = {"Username": name, "Password": PASSWORD}
    given = {
        "Name": name, "ConnectionType": "MYSQL", "ConnectionProperties": properties, "ValidateCredentials": True,
        "AuthenticationConfiguration": {"AuthenticationType": "BASIC", "BasicAuthenticationCredentials": basic},
    }  # fmt: skip
    glue.create_connection(ConnectionInput=given)
    glue.test_connection(ConnectionName=name)
    wrong = {**properties, "USERNAME": name, "PASSWORD": "wr0ng-secret"}
    told = refused(
        glue.test_connection, TestConnectionInput={"ConnectionType": "MYSQL", "ConnectionProperties": wrong}
    )
    assert "Access denied" in told
    assert "wr0ng-secret" not in told
    # This server has no TLS: a connection that must be encrypted is refused, not made in clear.
    demanding = {**properties, "USERNAME": name, "PASSWORD": PASSWORD, "JDBC_ENFORCE_SSL": "true"}
    encrypted = {"ConnectionType": "MYSQL", "ConnectionProperties": demanding}
    assert "SSL" in refused(glue.test_connection, TestConnectionInput=encrypted)
    assert name in [e["EntityName"] for e in glue.list_entities(ConnectionName=name)["Entities"]]
    fields = glue.describe_entity(ConnectionName=name, EntityName="t")["Fields"]
    assert [(f["FieldName"], f["FieldType"]) for f in fields] == [
        ("id", "BIGINT"), ("word", "STRING"), ("at", "TIMESTAMP"), ("b", "BINARY"),
    ]  # fmt: skip
    assert records(glue, name, EntityName=f"{name}.t") == [
        {"id": 1, "word": "50% off", "at": None, "b": None},
        {"id": 2, "word": 'a"b`c', "at": "2026-01-02T00:00:00", "b": "AA=="},
    ]
    assert records(glue, name, EntityName="t", FilterPredicate="word LIKE '50%'", SelectedFields=["id"]) == [
        {"id": 1}
    ]


def test_a_network_connection_is_a_way_to_s3(glue: Any, name: str) -> None:
    given = {"Name": name, "ConnectionType": "NETWORK", "ConnectionProperties": {}}
    glue.create_connection(ConnectionInput={**given, "ValidateCredentials": True})
    glue.test_connection(ConnectionName=name)
    assert "NETWORK" in refused(glue.list_entities, ConnectionName=name)


def test_what_nobody_connects_to_is_refused_by_name(glue: Any, name: str) -> None:
    given = {"Name": name, "ConnectionType": "SALESFORCE", "ConnectionProperties": {}}
    glue.create_connection(ConnectionInput=given)
    assert "SALESFORCE" in refused(glue.test_connection, ConnectionName=name)
    assert "SALESFORCE" in refused(glue.list_entities, ConnectionName=name)


def rest_type(name: str, **more: Any) -> dict[str, Any]:
    def given(member: str, **changes: Any) -> dict[str, Any]:
        return {"Name": member, "Required": True, "PropertyType": "USER_INPUT", **changes}

    secret = {"Username": given("USERNAME"), "Password": given("PASSWORD", PropertyType="SECRET")}
    return {
        "ConnectionType": name,
        "IntegrationType": "REST",
        "Description": "A shop",
        "ConnectionProperties": {"Url": given("INSTANCE_URL")},
        "ConnectorAuthenticationConfiguration": {
            "AuthenticationTypes": ["BASIC"], "BasicAuthenticationProperties": secret,
        },
        "RestConfiguration": {
            "EntityConfigurations": {
                "orders": {
                    "SourceConfiguration": {
                        "RequestMethod": "GET", "RequestPath": "/orders",
                        "ResponseConfiguration": {"ResultPath": "$.items"},
                    },
                    "Schema": {"id": {"Name": "id", "FieldDataType": "INT"}},
                }
            }
        },
        **more,
    }  # fmt: skip


def test_connection_types(server: Server, name: str) -> None:
    glue = server.client("glue", region="eu-north-1")
    kind = f"SHOP-{name}"
    arn = glue.register_connection_type(**rest_type(kind), Tags={"a": "b"})["ConnectionTypeArn"]
    assert arn == f"arn:aws:glue:eu-north-1:123456789012:connectionType/{kind}"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"a": "b"}
    refused(glue.register_connection_type, **rest_type(kind))
    refused(glue.register_connection_type, **rest_type("JDBC"))
    refused(glue.register_connection_type, **rest_type(kind + "x", RestConfiguration={}))
    pages = glue.get_paginator("list_connection_types").paginate(PaginationConfig={"PageSize": 2})
    listed = [t for page in pages for t in page["ConnectionTypes"]]
    assert [t["ConnectionType"] for t in listed] == ["JDBC", "MYSQL", "NETWORK", "POSTGRESQL", kind]
    assert listed[-1]["Capabilities"]["SupportedAuthenticationTypes"] == ["BASIC"]
    jdbc = glue.describe_connection_type(ConnectionType="JDBC")
    assert jdbc["ConnectionProperties"]["JDBC_CONNECTION_URL"]["Required"] is True
    assert jdbc["AuthenticationConfiguration"]["AuthenticationType"]["AllowedValues"] == [{"Value": "BASIC"}]
    ours = glue.describe_connection_type(ConnectionType=kind)
    assert ours["RestConfiguration"] == rest_type(kind)["RestConfiguration"]
    assert ours["ConnectionProperties"]["INSTANCE_URL"]["PropertyTypes"] == ["USER_INPUT"]
    assert "not supported" in refused(glue.describe_connection_type, ConnectionType="SLACK")
    refused(glue.describe_connection_type, ConnectionType="nothing")
    # A connection of a registered type can be made, of one that nobody registered it cannot.
    given = {"Name": name, "ConnectionType": kind, "ConnectionProperties": {}}
    glue.create_connection(ConnectionInput=given)
    assert [e["EntityName"] for e in glue.list_entities(ConnectionName=name)["Entities"]] == ["orders"]
    (field,) = glue.describe_entity(ConnectionName=name, EntityName="orders")["Fields"]
    assert (field["FieldName"], field["FieldType"]) == ("id", "INT")
    refused(glue.describe_entity, "EntityNotFoundException", ConnectionName=name, EntityName="none")
    assert "not supported" in refused(
        glue.get_entity_records, ConnectionName=name, EntityName="orders", Limit=1
    )
    unknown = {**given, "ConnectionType": kind + "x"}
    refused(glue.create_connection, "ValidationException", ConnectionInput=unknown)
    refused(glue.delete_connection_type, ConnectionType="JDBC")
    glue.delete_connection_type(ConnectionType=kind)
    refused(glue.delete_connection_type, "EntityNotFoundException", ConnectionType=kind)
    refused(glue.get_tags, "EntityNotFoundException", ResourceArn=arn)
