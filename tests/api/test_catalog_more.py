"""The catalog's further families over HTTP with boto3."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.conftest import Server

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def glue(server: Server) -> Any:
    return server.client("glue")


@pytest.fixture
def db(glue: Any, name: str) -> str:
    glue.create_database(DatabaseInput={"Name": name})
    glue.create_table(
        DatabaseName=name,
        TableInput={
            "Name": "t",
            "StorageDescriptor": {
                "Columns": [{"Name": "a", "Type": "bigint"}, {"Name": "s", "Type": "string"}]
            },
            "PartitionKeys": [{"Name": "y", "Type": "int"}, {"Name": "r", "Type": "string"}],
        },
        PartitionIndexes=[{"IndexName": "first", "Keys": ["y"]}],
    )
    return name


def code(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**request)
    return str(raised.value.response["Error"]["Code"])


def test_partition_indexes(glue: Any, db: str) -> None:
    at = {"DatabaseName": db, "TableName": "t"}
    glue.create_partition_index(**at, PartitionIndex={"IndexName": "second", "Keys": ["r", "Y"]})
    found = glue.get_partition_indexes(**at)["PartitionIndexDescriptorList"]
    assert [(i["IndexName"], [k["Name"] for k in i["Keys"]], i["IndexStatus"]) for i in found] == [
        ("first", ["y"], "ACTIVE"),
        ("second", ["r", "y"], "ACTIVE"),
    ]
    create = glue.create_partition_index
    assert (
        code(create, **at, PartitionIndex={"IndexName": "first", "Keys": ["r"]}) == "AlreadyExistsException"
    )
    assert code(create, **at, PartitionIndex={"IndexName": "x", "Keys": ["a"]}) == "InvalidInputException"
    create(**at, PartitionIndex={"IndexName": "third", "Keys": ["r"]})
    limit = "ResourceNumberLimitExceededException"
    assert code(create, **at, PartitionIndex={"IndexName": "fourth", "Keys": ["r"]}) == limit
    # With an index, a string key is not compared with a bare number.
    assert code(glue.get_partitions, **at, Expression="r = 1") == "InvalidInputException"
    for index in ("first", "second", "third"):
        glue.delete_partition_index(**at, IndexName=index)
    assert glue.get_partitions(**at, Expression="r = 1")["Partitions"] == []
    assert code(glue.delete_partition_index, **at, IndexName="first") == "EntityNotFoundException"


def test_an_index_fails_on_values_that_are_not_of_the_type(glue: Any, db: str) -> None:
    at = {"DatabaseName": db, "TableName": "t"}
    glue.create_partition(**at, PartitionInput={"Values": ["what", "x"]})
    glue.create_partition_index(**at, PartitionIndex={"IndexName": "bad", "Keys": ["y"]})
    found = {i["IndexName"]: i for i in glue.get_partition_indexes(**at)["PartitionIndexDescriptorList"]}[
        "bad"
    ]
    assert found["IndexStatus"] == "FAILED"
    (error,) = found["BackfillErrors"]
    assert error["Code"] == "INVALID_PARTITION_TYPE_DATA_ERROR"
    assert error["Partitions"] == [{"Values": ["what", "x"]}]


def statistics(column: str, **data: Any) -> dict[str, Any]:
    return {"ColumnName": column, "ColumnType": "bigint", "AnalyzedTime": NOW, "StatisticsData": data}


def test_column_statistics(glue: Any, db: str) -> None:
    at = {"DatabaseName": db, "TableName": "t"}
    long = {"MinimumValue": 1, "MaximumValue": 9, "NumberOfNulls": 0, "NumberOfDistinctValues": 5}
    right = statistics("a", Type="LONG", LongColumnStatisticsData=long)
    wrong = statistics("s", Type="STRING", LongColumnStatisticsData=long)
    missing = statistics("zz", Type="LONG", LongColumnStatisticsData=long)
    reply = glue.update_column_statistics_for_table(**at, ColumnStatisticsList=[right, wrong, missing])
    assert [(e["ColumnStatistics"]["ColumnName"], e["Error"]["ErrorCode"]) for e in reply["Errors"]] == [
        ("s", "InvalidInputException"),
        ("zz", "EntityNotFoundException"),
    ]
    reply = glue.get_column_statistics_for_table(**at, ColumnNames=["A", "s"])
    assert reply["ColumnStatisticsList"] == [right]
    assert [e["ColumnName"] for e in reply["Errors"]] == ["s"]
    glue.delete_column_statistics_for_table(**at, ColumnName="a")
    assert code(glue.delete_column_statistics_for_table, **at, ColumnName="a") == "EntityNotFoundException"


def test_statistics_live_and_die_with_their_partition(glue: Any, db: str) -> None:
    at = {"DatabaseName": db, "TableName": "t"}
    values = ["1", "eu"]
    glue.create_partition(**at, PartitionInput={"Values": values})
    decimal = {
        "MinimumValue": {"UnscaledValue": b"\x01\x02", "Scale": 2},
        "NumberOfNulls": 1,
        "NumberOfDistinctValues": 2,
    }
    one = statistics("a", Type="DECIMAL", DecimalColumnStatisticsData=decimal)
    glue.update_column_statistics_for_partition(**at, PartitionValues=values, ColumnStatisticsList=[one])
    found = glue.get_column_statistics_for_partition(**at, PartitionValues=values, ColumnNames=["a"])
    assert found["ColumnStatisticsList"] == [one]
    glue.update_partition(**at, PartitionValueList=values, PartitionInput={"Values": ["2", "eu"]})
    found = glue.get_column_statistics_for_partition(**at, PartitionValues=["2", "eu"], ColumnNames=["a"])
    assert found["ColumnStatisticsList"] == [one]
    glue.delete_partition(**at, PartitionValues=["2", "eu"])
    glue.create_partition(**at, PartitionInput={"Values": ["2", "eu"]})
    found = glue.get_column_statistics_for_partition(**at, PartitionValues=["2", "eu"], ColumnNames=["a"])
    assert found["ColumnStatisticsList"] == []


def test_functions(glue: Any, db: str) -> None:
    def body(function: str, **more: Any) -> dict[str, Any]:
        return {"FunctionName": function, "ClassName": "a.B", "OwnerType": "USER", "OwnerName": "me", **more}

    for function in ("Fa", "fb", "g"):
        glue.create_user_defined_function(DatabaseName=db, FunctionInput=body(function))
    create = glue.create_user_defined_function
    assert code(create, DatabaseName=db, FunctionInput=body("FA")) == "AlreadyExistsException"
    pages = glue.get_paginator("get_user_defined_functions").paginate(
        DatabaseName=db, Pattern="f.*", PaginationConfig={"PageSize": 1}
    )
    assert [f["FunctionName"] for page in pages for f in page["UserDefinedFunctions"]] == ["fa", "fb"]
    everywhere = glue.get_paginator("get_user_defined_functions").paginate(Pattern="*")
    found = [f for page in everywhere for f in page["UserDefinedFunctions"] if f["DatabaseName"] == db]
    assert [f["FunctionName"] for f in found] == ["fa", "fb", "g"]
    change = body("fa", ClassName="c.D", ResourceUris=[{"ResourceType": "JAR", "Uri": "s3://b/x.jar"}])
    glue.update_user_defined_function(DatabaseName=db, FunctionName="FA", FunctionInput=change)
    one = glue.get_user_defined_function(DatabaseName=db, FunctionName="fa")["UserDefinedFunction"]
    assert (one["ClassName"], one["ResourceUris"]) == ("c.D", change["ResourceUris"])
    glue.delete_user_defined_function(DatabaseName=db, FunctionName="fa")
    assert (
        code(glue.get_user_defined_function, DatabaseName=db, FunctionName="fa") == "EntityNotFoundException"
    )


def test_search(glue: Any, name: str) -> None:
    glue.create_database(DatabaseInput={"Name": name})
    for n in range(5):
        glue.create_table(
            DatabaseName=name,
            TableInput={
                "Name": f"orders_{n}",
                "Description": f"Daily {'EU' if n % 2 else 'US'} sales",
                "Parameters": {"classification": "parquet" if n < 3 else "csv"},
            },
        )

    def names(**request: Any) -> list[str]:
        filters = [{"Key": "DatabaseName", "Value": name}, *request.pop("Filters", [])]
        found, token = [], None
        while True:
            more = {"NextToken": token} if token else {}
            reply = glue.search_tables(Filters=filters, MaxResults=2, **request, **more)
            found += [t["Name"] for t in reply["TableList"]]
            token = reply.get("NextToken")
            if not token:
                return found

    assert names() == [f"orders_{n}" for n in range(5)]
    assert names(SearchText="eu sal") == ["orders_1", "orders_3"]
    assert names(SearchText='"EU sales"') == ["orders_1", "orders_3"]
    assert names(SearchText="nothing") == []
    assert names(Filters=[{"Key": "Classification", "Value": "csv"}]) == ["orders_3", "orders_4"]
    assert names(SortCriteria=[{"FieldName": "Name", "Sort": "DESC"}]) == [
        f"orders_{n}" for n in (4, 3, 2, 1, 0)
    ]
    past = {"Key": "CreateTime", "Value": "2020-01-01T00:00:00Z", "Comparator": "LESS_THAN"}
    assert names(Filters=[past]) == []


def test_connections(glue: Any, name: str) -> None:
    properties = {"JDBC_CONNECTION_URL": "jdbc:postgresql://h:1/d", "USERNAME": "u", "PASSWORD": "hidden"}
    given = {
        "Name": name,
        "ConnectionType": "JDBC",
        "ConnectionProperties": properties,
        "MatchCriteria": [name],
    }
    glue.create_connection(ConnectionInput=given, Tags={"k": "v"})
    assert code(glue.create_connection, ConnectionInput=given) == "AlreadyExistsException"
    assert glue.get_connection(Name=name)["Connection"]["ConnectionProperties"] == properties
    hidden = glue.get_connection(Name=name, HidePassword=True)["Connection"]["ConnectionProperties"]
    assert "PASSWORD" not in hidden
    found = glue.get_connections(Filter={"MatchCriteria": [name]})["ConnectionList"]
    assert [c["Name"] for c in found] == [name]
    arn = f"arn:aws:glue:us-east-1:123456789012:connection/{name}"
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"k": "v"}
    glue.update_connection(Name=name, ConnectionInput={**given, "Description": "new"})
    assert glue.get_connection(Name=name)["Connection"]["Description"] == "new"
    reply = glue.batch_delete_connection(ConnectionNameList=[name, name + "x"])
    assert reply["Succeeded"] == [name]
    assert reply["Errors"][name + "x"]["ErrorCode"] == "EntityNotFoundException"
    assert code(glue.delete_connection, ConnectionName=name) == "EntityNotFoundException"


def test_a_connection_is_really_tried(glue: Any) -> None:
    def tried(url: str) -> str:
        properties = {"JDBC_CONNECTION_URL": url, "USERNAME": "u", "PASSWORD": "p4ssw0rd"}
        given = {"ConnectionType": "JDBC", "ConnectionProperties": properties}
        with pytest.raises(ClientError) as raised:
            glue.test_connection(TestConnectionInput=given)
        assert "p4ssw0rd" not in str(raised.value)
        return str(raised.value)

    assert "127.0.0.1:1 failed" in tried("jdbc:postgresql://127.0.0.1:1/db")
    assert "127.0.0.1:1 failed" in tried("jdbc:mysql://127.0.0.1:1/db")
    assert "not supported" in tried("jdbc:oracle:thin://@h:1/x")


def test_security_configurations(glue: Any, name: str) -> None:
    body = {"S3Encryption": [{"S3EncryptionMode": "SSE-S3"}]}
    assert glue.create_security_configuration(Name=name, EncryptionConfiguration=body)["Name"] == name
    create = glue.create_security_configuration
    assert code(create, Name=name, EncryptionConfiguration=body) == "AlreadyExistsException"
    found = glue.get_security_configuration(Name=name)["SecurityConfiguration"]
    assert found["EncryptionConfiguration"] == body
    glue.delete_security_configuration(Name=name)
    assert code(glue.delete_security_configuration, Name=name) == "EntityNotFoundException"


def test_resource_policy(server: Server) -> None:
    glue = server.client("glue", region="eu-west-3")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "glue:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert code(glue.get_resource_policy) == "EntityNotFoundException"
    missing = glue.put_resource_policy
    assert code(missing, PolicyInJson=policy, PolicyExistsCondition="MUST_EXIST") == "EntityNotFoundException"
    first = glue.put_resource_policy(PolicyInJson=policy, PolicyExistsCondition="NOT_EXIST")["PolicyHash"]
    failed = "ConditionCheckFailureException"
    assert code(glue.put_resource_policy, PolicyInJson=policy, PolicyExistsCondition="NOT_EXIST") == failed
    assert code(glue.delete_resource_policy, PolicyHashCondition="x") == failed
    assert glue.get_resource_policy()["PolicyHash"] == first
    assert json.loads(glue.get_resource_policies()["GetResourcePoliciesResponseList"][0]["PolicyInJson"])
    assert code(glue.put_resource_policy, PolicyInJson="{no json") == "InvalidInputException"
    assert code(glue.put_resource_policy, PolicyInJson="[" * 2000) == "InvalidInputException"
    glue.delete_resource_policy(PolicyHashCondition=first)
    assert code(glue.delete_resource_policy) == "EntityNotFoundException"


def test_catalogs(glue: Any, name: str) -> None:
    glue.create_catalog(Name=name, CatalogInput={"Description": "mine"})
    assert code(glue.create_catalog, Name=name, CatalogInput={}) == "AlreadyExistsException"
    catalog = f"123456789012:{name}"
    assert glue.get_catalog(CatalogId=catalog)["Catalog"]["Description"] == "mine"
    glue.create_database(CatalogId=catalog, DatabaseInput={"Name": "inner"})
    assert code(glue.get_database, Name="inner") == "EntityNotFoundException"
    assert glue.get_database(CatalogId=catalog, Name="inner")["Database"]["CatalogId"] == catalog
    assert code(glue.delete_catalog, CatalogId=catalog) == "InvalidInputException"
    glue.update_catalog(CatalogId=catalog, CatalogInput={"Description": "other"})
    listed = glue.get_catalogs(IncludeRoot=True)["CatalogList"]
    assert listed[0]["CatalogId"] == "123456789012"
    assert {c["CatalogId"]: c.get("Description") for c in listed}[catalog] == "other"
    glue.delete_database(CatalogId=catalog, Name="inner")
    glue.delete_catalog(CatalogId=catalog)
    assert code(glue.get_catalog, CatalogId=catalog) == "EntityNotFoundException"
    # A federated catalog needs its connection.
    federated = {"FederatedCatalog": {"Identifier": "x", "ConnectionName": name}}
    assert code(glue.create_catalog, Name=name, CatalogInput=federated) == "EntityNotFoundException"


def test_catalogs_with_databases_are_found_behind_those_without(glue: Any, name: str) -> None:
    for number in range(4):
        glue.create_catalog(Name=f"{name}_{number}", CatalogInput={})
    for number in (1, 3):
        glue.create_database(CatalogId=f"123456789012:{name}_{number}", DatabaseInput={"Name": "inner"})
    found: list[str] = []
    request: dict[str, Any] = {"HasDatabases": True, "MaxResults": 1}
    while True:
        page = glue.get_catalogs(**request)
        assert len(page["CatalogList"]) <= 1
        found += [one["Name"] for one in page["CatalogList"]]
        if "NextToken" not in page:
            break
        request["NextToken"] = page["NextToken"]
    assert [one for one in found if one.startswith(name)] == [f"{name}_1", f"{name}_3"]


def test_usage_profiles(glue: Any, name: str) -> None:
    configuration = {"JobConfiguration": {"timeout": {"DefaultValue": "5", "MaxValue": "10"}}}
    glue.create_usage_profile(Name=name, Configuration=configuration, Tags={"k": "v"})
    create = glue.create_usage_profile
    assert code(create, Name=name, Configuration=configuration) == "AlreadyExistsException"
    assert glue.get_usage_profile(Name=name)["Configuration"] == configuration
    glue.update_usage_profile(Name=name, Configuration={}, Description="d")
    assert name in [p["Name"] for p in glue.list_usage_profiles()["Profiles"]]
    glue.delete_usage_profile(Name=name)
    glue.delete_usage_profile(Name=name)
    assert code(glue.get_usage_profile, Name=name) == "EntityNotFoundException"


def test_custom_entity_types(glue: Any, name: str) -> None:
    glue.create_custom_entity_type(
        Name=name, RegexString="[A-Z]{2}\\d+", ContextWords=["id"], Tags={"t": name}
    )
    found = glue.batch_get_custom_entity_types(Names=[name, name + "x"])
    assert found["CustomEntityTypes"][0]["ContextWords"] == ["id"]
    assert found["CustomEntityTypesNotFound"] == [name + "x"]
    listed = glue.list_custom_entity_types(Tags={"t": name})["CustomEntityTypes"]
    assert [t["Name"] for t in listed] == [name]
    create = glue.create_custom_entity_type
    assert code(create, Name=name + "y", RegexString="(") == "InvalidInputException"
    glue.delete_custom_entity_type(Name=name)
    assert code(glue.delete_custom_entity_type, Name=name) == "EntityNotFoundException"


def test_unfiltered_metadata(glue: Any, db: str) -> None:
    at = {"CatalogId": "123456789012", "DatabaseName": db}
    supported = {"SupportedPermissionTypes": ["COLUMN_PERMISSION"]}
    glue.create_partition(DatabaseName=db, TableName="t", PartitionInput={"Values": ["1", "eu"]})
    table = glue.get_unfiltered_table_metadata(**at, Name="t", **supported)
    assert table["AuthorizedColumns"] == ["a", "s", "y", "r"]
    assert table["Table"]["Name"] == "t"
    pages = glue.get_unfiltered_partitions_metadata(**at, TableName="t", Expression="y = 1", **supported)
    assert [p["Partition"]["Values"] for p in pages["UnfilteredPartitions"]] == [["1", "eu"]]
    one = glue.get_unfiltered_partition_metadata(
        **at, TableName="t", PartitionValues=["1", "eu"], **supported
    )
    assert one["Partition"]["Values"] == ["1", "eu"]


def test_tags_of_catalog_resources(glue: Any, name: str) -> None:
    glue.create_database(DatabaseInput={"Name": name}, Tags={"a": "1"})
    glue.create_table(DatabaseName=name, TableInput={"Name": "t"})
    root = "arn:aws:glue:us-east-1:123456789012:"
    assert glue.get_tags(ResourceArn=f"{root}database/{name}")["Tags"] == {"a": "1"}
    glue.tag_resource(ResourceArn=f"{root}table/{name}/t", TagsToAdd={"b": "2"})
    assert glue.get_tags(ResourceArn=f"{root}table/{name}/t")["Tags"] == {"b": "2"}
    glue.delete_table(DatabaseName=name, Name="t")
    assert code(glue.get_tags, ResourceArn=f"{root}table/{name}/t") == "EntityNotFoundException"
