"""Encryption of the catalog over HTTP: what the settings promise is true of the bytes on disk."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Server


def put(glue: Any, **settings: Any) -> None:
    glue.put_data_catalog_encryption_settings(DataCatalogEncryptionSettings=settings)


def error(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**request)
    told = raised.value.response["Error"]
    return told["Code"], told["Message"]


def fill(glue: Any, word: str) -> None:
    """Every kind of thing that the catalog keeps, with a word in it."""
    columns = [{"Name": "a", "Type": "bigint", "Comment": word}]
    glue.create_database(DatabaseInput={"Name": "d" + word[-4:], "Description": word})
    at = {"DatabaseName": "d" + word[-4:]}
    table = {
        "Name": "t", "Description": word, "PartitionKeys": [{"Name": "y", "Type": "int"}],
        "StorageDescriptor": {"Columns": columns, "Location": f"s3://b/{word}"},
    }  # fmt: skip
    glue.create_table(**at, TableInput=table)
    glue.update_table(**at, TableInput={**table, "Owner": word})
    for year in ("1", "2"):
        one = {
            "Values": [year], "Parameters": {"p": word},
            "StorageDescriptor": {"Columns": columns, "Location": f"s3://b/{word}/{year}"},
        }  # fmt: skip
        glue.create_partition(**at, TableName="t", PartitionInput=one)
    glue.create_user_defined_function(**at, FunctionInput={"FunctionName": "f", "ClassName": word})
    statistics = {"MaximumLength": 1, "AverageLength": 1.0, "NumberOfNulls": 0, "NumberOfDistinctValues": 1}
    glue.update_column_statistics_for_table(
        **at, TableName="t",
        ColumnStatisticsList=[{
            "ColumnName": "a", "ColumnType": word, "AnalyzedTime": 0,
            "StatisticsData": {"Type": "STRING", "StringColumnStatisticsData": statistics},
        }],
    )  # fmt: skip


def seen(glue: Any, word: str) -> int:
    """How many of them are read back as they were given."""
    at = {"DatabaseName": "d" + word[-4:]}
    columns = [{"Name": "a", "Type": "bigint", "Comment": word}]
    table = glue.get_table(**at, Name="t")["Table"]
    assert table["Owner"] == table["Description"] == word
    assert table["StorageDescriptor"]["Columns"] == columns
    assert [
        v["Table"]["Description"] for v in glue.get_table_versions(**at, TableName="t")["TableVersions"]
    ] == [word] * 2
    partitions = glue.get_partitions(**at, TableName="t", Expression="y >= 1")["Partitions"]
    assert [p["StorageDescriptor"]["Location"] for p in partitions] == [
        f"s3://b/{word}/1",
        f"s3://b/{word}/2",
    ]
    assert all(p["StorageDescriptor"]["Columns"] == columns for p in partitions)
    assert all(p["Parameters"] == {"p": word} for p in partitions)
    assert glue.get_user_defined_function(**at, FunctionName="f")["UserDefinedFunction"]["ClassName"] == word
    assert glue.get_database(Name=at["DatabaseName"])["Database"]["Description"] == word
    found = glue.get_column_statistics_for_table(**at, TableName="t", ColumnNames=["a"])
    assert found["ColumnStatisticsList"][0]["ColumnType"] == word
    fitting = [{"Key": "DatabaseName", "Value": at["DatabaseName"]}]
    tables = glue.search_tables(SearchText=word, Filters=fitting)["TableList"]
    assert [t["Name"] for t in tables] == ["t"]
    return len(partitions)


def on_disk(directory: Path, word: str) -> list[str]:
    return [p.name for p in directory.glob("mastic.db*") if word.encode() in p.read_bytes()]


def test_metadata_is_encrypted_with_a_key_of_kms(own_server: Server) -> None:
    glue, kms = own_server.client("glue"), own_server.client("kms")
    fill(glue, "plainword1111")
    assert on_disk(own_server.data_dir, "plainword1111")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    at_rest = {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": key}
    put(glue, EncryptionAtRest=at_rest)
    settings = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert settings["EncryptionAtRest"] == at_rest
    fill(glue, "secretword2222")
    assert seen(glue, "secretword2222") == seen(glue, "plainword1111") == 2
    assert not on_disk(own_server.data_dir, "secretword2222")
    own_server.kill()
    own_server.restart()
    assert seen(own_server.client("glue"), "secretword2222") == 2
    assert not on_disk(own_server.data_dir, "secretword2222")
    # Without its key nobody reads it, and nobody writes in clear instead.
    own_server.client("kms").disable_key(KeyId=key)
    own_server.stop()
    own_server.restart()
    glue = own_server.client("glue")
    assert error(glue.get_table, DatabaseName="d2222", Name="t")[0] == "GlueEncryptionException"
    assert error(glue.create_database, DatabaseInput={"Name": "new"})[0] == "GlueEncryptionException"
    assert glue.get_table(DatabaseName="d1111", Name="t")["Table"]["Owner"] == "plainword1111"
    own_server.client("kms").enable_key(KeyId=key)
    assert seen(glue, "secretword2222") == 2
    # Switched off, what is written is plain again, and what was encrypted is still read.
    put(glue, EncryptionAtRest={"CatalogEncryptionMode": "DISABLED"})
    fill(glue, "plainword3333")
    assert on_disk(own_server.data_dir, "plainword3333")
    assert seen(glue, "secretword2222") == 2


def test_metadata_is_encrypted_with_the_servers_own_key(own_server: Server) -> None:
    glue = own_server.client("glue")
    put(glue, EncryptionAtRest={"CatalogEncryptionMode": "SSE-KMS"})
    fill(glue, "secretword4444")
    assert seen(glue, "secretword4444") == 2
    assert not on_disk(own_server.data_dir, "secretword4444")
    # Another region is another catalog: its settings are its own.
    other = own_server.client("glue", region="eu-west-1")
    other.create_database(DatabaseInput={"Name": "d", "Description": "plainword5555"})
    assert on_disk(own_server.data_dir, "plainword5555")
    assert (own_server.data_dir / "catalog.key").stat().st_mode & 0o777 == 0o600
    own_server.stop()
    (own_server.data_dir / "catalog.key").write_bytes(b"k" * 32)
    own_server.restart()
    code, message = error(own_server.client("glue").get_table, DatabaseName="d4444", Name="t")
    assert code == "GlueEncryptionException"
    assert "encryption_key" in message


def test_what_cannot_be_encrypted_is_refused(server: Server) -> None:
    glue = server.client("glue", region="eu-south-1")  # where no other test is: settings are a region's own

    def refused(**settings: Any) -> str:
        with pytest.raises(ClientError) as raised:
            put(glue, **settings)
        assert raised.value.response["Error"]["Code"] == "InvalidInputException"
        return str(raised.value)

    unknown = {"CatalogEncryptionMode": "SSE-KMS", "SseAwsKmsKeyId": "alias/none"}
    assert "SseAwsKmsKeyId" in refused(EncryptionAtRest=unknown)
    role = {"CatalogEncryptionMode": "SSE-KMS-WITH-SERVICE-ROLE"}
    assert "not supported" in refused(EncryptionAtRest=role)
    passwords = {"ReturnConnectionPasswordEncrypted": True}
    assert "AwsKmsKeyId" in refused(ConnectionPasswordEncryption=passwords)
    assert "AwsKmsKeyId" in refused(ConnectionPasswordEncryption={**passwords, "AwsKmsKeyId": "alias/none"})
    found = glue.get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
    assert found["EncryptionAtRest"] == {"CatalogEncryptionMode": "DISABLED"}


def connection(name: str, **more: Any) -> dict[str, Any]:
    properties = {
        "JDBC_CONNECTION_URL": "jdbc:postgresql://127.0.0.1:1/d", "USERNAME": "u", "PASSWORD": "hunter2secret",
    }  # fmt: skip
    return {"Name": name, "ConnectionType": "JDBC", "ConnectionProperties": {**properties, **more}}


def test_passwords_are_returned_as_kms_encrypted_them(server: Server) -> None:
    region = "eu-south-2"  # where no other test is: settings are a region's own
    glue, kms = server.client("glue", region=region), server.client("kms", region=region)
    glue.create_connection(ConnectionInput=connection("before"))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    put(glue, ConnectionPasswordEncryption={"ReturnConnectionPasswordEncrypted": True, "AwsKmsKeyId": key})
    glue.create_connection(ConnectionInput=connection("after", KAFKA_SASL_PLAIN_PASSWORD="kafkasecret"))
    for found in (
        glue.get_connection(Name="before")["Connection"],
        *glue.get_connections()["ConnectionList"],
    ):
        properties = found["ConnectionProperties"]
        assert "PASSWORD" not in properties
        box = base64.b64decode(properties["ENCRYPTED_PASSWORD"])
        assert kms.decrypt(CiphertextBlob=box)["Plaintext"] == b"hunter2secret"
    after = glue.get_connection(Name="after")["Connection"]["ConnectionProperties"]
    box = base64.b64decode(after["ENCRYPTED_KAFKA_SASL_PLAIN_PASSWORD"])
    assert kms.decrypt(CiphertextBlob=box)["Plaintext"] == b"kafkasecret"
    hidden = glue.get_connection(Name="after", HidePassword=True)["Connection"]["ConnectionProperties"]
    assert sorted(hidden) == ["JDBC_CONNECTION_URL", "USERNAME"]
    # The server itself still connects with it: refused by the port, not for want of a password.
    assert "127.0.0.1:1 failed" in error(glue.test_connection, ConnectionName="after")[1]


def test_secrets_are_neither_on_disk_nor_in_the_log(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", {"MASTIC_LOG_LEVEL": "debug"}).start()
    try:
        glue = server.client("glue")
        glue.create_connection(ConnectionInput=connection("one"))
        basic = {"Username": "u", "Password": "hunter3secret"}
        oauth = {"OAuth2GrantType": "CLIENT_CREDENTIALS", "OAuth2Credentials": {"AccessToken": "tokensecret"}}
        authentication = {
            "AuthenticationType": "BASIC", "BasicAuthenticationCredentials": basic, "OAuth2Properties": oauth,
        }  # fmt: skip
        given = {**connection("two"), "AuthenticationConfiguration": authentication}
        given["ConnectionProperties"] = {"HOST": "127.0.0.1", "PORT": "1", "DATABASE": "d"}
        given["ConnectionType"] = "POSTGRESQL"
        glue.create_connection(ConnectionInput=given)
        for name in ("one", "two"):
            assert "failed" in error(glue.test_connection, ConnectionName=name)[1]
        tried = {**given, "Name": "x", "ValidateCredentials": True}
        assert "failed" in error(glue.create_connection, ConnectionInput=tried)[1]
        found = glue.get_connection(Name="two")["Connection"]
        assert found["AuthenticationConfiguration"] == {
            "AuthenticationType": "BASIC", "OAuth2Properties": {"OAuth2GrantType": "CLIENT_CREDENTIALS"},
        }  # fmt: skip
        assert found["ConnectionSchemaVersion"] == 2
        one = glue.get_connection(Name="one")["Connection"]
        assert one["ConnectionProperties"]["PASSWORD"] == "hunter2secret"
    finally:
        server.stop()
    log = server.log.read_text()
    assert "CreateConnection" in log
    for secret in ("hunter2secret", "hunter3secret", "tokensecret"):
        assert secret not in log
        assert not on_disk(server.data_dir, secret)
