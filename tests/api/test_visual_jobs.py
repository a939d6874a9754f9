"""Visual jobs: their nodes become a script that really runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.jobs import refusal, run

PEOPLE = b"id,name,age,city\n1,Ann,31,Bern\n2,Bob,17,Bern\n3,Cid,45,Rome\n4,Dan,,Rome\n4,Dan,,Rome\n"
VISITS = b'{"person": 1, "days": 3}\n{"person": 1, "days": 4}\n{"person": 3, "days": 10}\n'
CUSTOM = """
from awsglue.dynamicframe import DynamicFrame

def shout(self, column, times=1):
    from awsglue.transforms import Map

    def louder(record):
        record[column] = record[column].upper() + "!" * times
        return record

    return Map.apply(frame=self, f=louder)

DynamicFrame.shout = shout
"""


class Canvas:
    """Makes visual jobs over a bucket and reads what they wrote."""

    def __init__(self, server: Any, name: str) -> None:
        self.glue, self.s3, self.name = server.client("glue"), server.client("s3"), name
        self.s3.create_bucket(Bucket=name)
        self.s3.put_object(Bucket=name, Key="in/people/p.csv", Body=PEOPLE)
        self.s3.put_object(Bucket=name, Key="in/visits/v.json", Body=VISITS)
        self.s3.put_object(Bucket=name, Key="transforms/shout.py", Body=CUSTOM.encode())
        self.people = {"S3CsvSource": {
            "Name": "People", "Paths": [f"s3://{name}/in/people/"], "Separator": "comma", "QuoteChar": "quote",
            "WithHeader": True, "Recurse": True,
        }}  # fmt: skip
        self.visits = {"S3JsonSource": {"Name": "Visits", "Paths": [f"s3://{name}/in/visits/"]}}
        self.typed = {"ApplyMapping": {"Name": "Types", "Inputs": ["people"], "Mapping": [
            {"FromPath": ["id"], "FromType": "string", "ToKey": "id", "ToType": "int"},
            {"FromPath": ["name"], "FromType": "string", "ToKey": "name", "ToType": "string"},
            {"FromPath": ["age"], "FromType": "string", "ToKey": "age", "ToType": "int"},
            {"FromPath": ["city"], "FromType": "string", "ToKey": "town", "ToType": "string", "Dropped": False},
        ]}}  # fmt: skip

    def target(self, source: str, **more: Any) -> dict[str, Any]:
        return {"S3DirectTarget": {
            "Name": f"out {source}", "Inputs": [source], "Path": f"s3://{self.name}/out/{source}/", "Format": "json",
            **more,
        }}  # fmt: skip

    def create(self, nodes: dict[str, Any], **more: Any) -> str:
        self.glue.create_job(
            Name=self.name, Role="r", GlueVersion="5.0", CodeGenConfigurationNodes=nodes,
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{self.name}/scripts/visual.py"}, **more,
        )  # fmt: skip
        return self.name

    def run(self, nodes: dict[str, Any], *results: str) -> None:
        """Make and run a job of these nodes that writes these of them."""
        targets = {f"to-{one}": self.target(one) for one in results}
        ended = run(self.glue, self.create({**nodes, **targets}), seconds=300)
        assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")

    def rows(self, source: str, folder: str = "out") -> list[dict[str, Any]]:
        listed = self.s3.list_objects_v2(Bucket=self.name, Prefix=f"{folder}/{source}/").get("Contents", [])
        found = []
        for item in listed:
            body = self.s3.get_object(Bucket=self.name, Key=item["Key"])["Body"].read()
            found += [json.loads(line) for line in body.splitlines()]
        return sorted(found, key=lambda row: [str(value).rjust(20) for value in row.values()])


@pytest.fixture
def canvas(server: Any, name: str) -> Canvas:
    return Canvas(server, name)


def a_filter(column: str, operation: str, constant: str, *, negated: bool = False) -> dict[str, Any]:
    values = [{"Type": "COLUMNEXTRACTED", "Value": [column]}, {"Type": "CONSTANT", "Value": [constant]}]
    return {"Operation": operation, "Negated": negated, "Values": values}


def test_fields_and_rows(canvas: Canvas) -> None:
    canvas.run(
        {
            "people": canvas.people,
            "typed": canvas.typed,
            "adults": {"Filter": {
                "Name": "Adults", "Inputs": ["typed"], "LogicalOperator": "AND",
                "Filters": [a_filter("age", "GTE", "18"), a_filter("town", "REGEX", "^B", negated=True)],
            }},
            "once": {"DropDuplicates": {"Name": "Once", "Inputs": ["typed"], "Columns": [["id"]]}},
            "fewer": {"DropFields": {"Name": "Fewer", "Inputs": ["once"], "Paths": [["age"], ["town"]]}},
            "renamed": {"RenameField": {
                "Name": "Renamed", "Inputs": ["fewer"], "SourcePath": ["name"], "TargetPath": ["who"],
            }},
            "picked": {"SelectFields": {"Name": "Picked", "Inputs": ["once"], "Paths": [["town"], ["id"]]}},
            "sums": {"Aggregate": {
                "Name": "Sums", "Inputs": ["once"], "Groups": [["town"]],
                "Aggs": [{"Column": ["age"], "AggFunc": "max"}, {"Column": ["id"], "AggFunc": "countDistinct"}],
            }},
            "ways": {"Route": {"Name": "Ways", "Inputs": ["once"], "GroupFiltersList": [
                {"GroupName": "bern", "LogicalOperator": "AND", "Filters": [a_filter("town", "EQ", "Bern")]},
            ]}},
            "bern": {"SelectFromCollection": {"Name": "Bern", "Inputs": ["ways"], "Index": 0}},
            "rest": {"SelectFromCollection": {"Name": "Rest", "Inputs": ["ways"], "Index": 1}},
            "parts": {"SplitFields": {"Name": "Parts", "Inputs": ["once"], "Paths": [["id"]]}},
            "ids": {"SelectFromCollection": {"Name": "Ids", "Inputs": ["parts"], "Index": 0}},
            "loud": {"DynamicTransform": {
                "Name": "Loud", "TransformName": "shout", "Inputs": ["renamed"], "FunctionName": "shout",
                "Path": f"s3://{canvas.name}/transforms/shout.py",
                "Parameters": [
                    {"Name": "column", "Type": "str", "Value": ["who"]},
                    {"Name": "times", "Type": "int", "Value": ["2"]},
                ],
            }},
        },
        "adults", "renamed", "picked", "sums", "bern", "rest", "ids", "loud",
    )  # fmt: skip
    assert canvas.rows("adults") == [{"id": 3, "name": "Cid", "age": 45, "town": "Rome"}]
    assert canvas.rows("renamed") == [
        {"id": 1, "who": "Ann"},
        {"id": 2, "who": "Bob"},
        {"id": 3, "who": "Cid"},
        {"id": 4, "who": "Dan"},
    ]
    assert [row["town"] for row in canvas.rows("picked")] == ["Bern", "Bern", "Rome", "Rome"]
    assert canvas.rows("sums") == [
        {"town": "Bern", "max(age)": 31, "countDistinct(id)": 2},
        {"town": "Rome", "max(age)": 45, "countDistinct(id)": 2},
    ]
    assert [row["id"] for row in canvas.rows("bern")] == [1, 2]
    assert [row["id"] for row in canvas.rows("rest")] == [3, 4]
    assert canvas.rows("ids") == [{"id": n} for n in (1, 2, 3, 4)]
    assert [row["who"] for row in canvas.rows("loud")] == ["ANN!!", "BOB!!", "CID!!", "DAN!!"]


def test_several_inputs(canvas: Canvas) -> None:
    keys = [{"From": "typed", "Keys": [["id"]]}, {"From": "visits", "Keys": [["person"]]}]
    code = """
    first = dfc.select(list(dfc.keys())[0]).toDF()
    frame = DynamicFrame.fromDF(first.selectExpr("id * 10 as id"), glueContext, "made")
    return DynamicFrameCollection({"made": frame}, glueContext)
    """
    canvas.run(
        {
            "people": canvas.people,
            "typed": canvas.typed,
            "visits": canvas.visits,
            "inner": {"Join": {
                "Name": "Inner", "Inputs": ["typed", "visits"], "JoinType": "equijoin", "Columns": keys,
            }},
            "anti": {"Join": {
                "Name": "Never", "Inputs": ["typed", "visits"], "JoinType": "leftanti", "Columns": keys,
            }},
            "asked": {"SparkSQL": {
                "Name": "Asked", "Inputs": ["typed", "visits"],
                "SqlQuery": "select name, sum(days) as days from p join v on p.id = v.person group by name",
                "SqlAliases": [{"From": "typed", "Alias": "p"}, {"From": "visits", "Alias": "v"}],
            }},
            "newer": {"SparkSQL": {
                "Name": "Newer", "Inputs": ["typed"], "SqlAliases": [{"From": "typed", "Alias": "q"}],
                "SqlQuery": "select id, upper(name) as name, age, town from q where id = 3",
            }},
            "merged": {"Merge": {
                "Name": "Merged", "Inputs": ["typed", "newer"], "Source": "typed", "PrimaryKeys": [["id"]],
            }},
            "both": {"Union": {"Name": "Both", "Inputs": ["typed", "newer"], "UnionType": "ALL"}},
            "distinct": {"Union": {"Name": "Distinct", "Inputs": ["typed", "typed"], "UnionType": "DISTINCT"}},
            "own": {"CustomCode": {
                "Name": "Own", "Inputs": ["typed"], "ClassName": "MyTransform", "Code": code,
            }},
            "made": {"SelectFromCollection": {"Name": "Made", "Inputs": ["own"], "Index": 0}},
            "nulls": {"DropNullFields": {
                "Name": "Nulls", "Inputs": ["padded"],
                "NullCheckBoxList": {"IsEmpty": True, "IsNullString": True, "IsNegOne": True},
            }},
            "padded": {"SparkSQL": {
                "Name": "Padded", "Inputs": ["typed"], "SqlAliases": [{"From": "typed", "Alias": "r"}],
                "SqlQuery": "select id, '' as empty, 'null' as said, -1 as minus, cast(null as string) as no from r",
            }},
        },
        "inner", "anti", "asked", "merged", "both", "distinct", "made", "nulls",
    )  # fmt: skip
    assert [(row["name"], row["days"]) for row in canvas.rows("inner")] == [
        ("Ann", 3),
        ("Ann", 4),
        ("Cid", 10),
    ]
    assert [row["id"] for row in canvas.rows("anti")] == [2, 4, 4]
    assert canvas.rows("asked") == [{"name": "Ann", "days": 7}, {"name": "Cid", "days": 10}]
    assert sorted(row["name"] for row in canvas.rows("merged")) == ["Ann", "Bob", "CID", "Dan", "Dan"]
    assert len(canvas.rows("both")) == 6
    assert len(canvas.rows("distinct")) == 4
    assert sorted(row["id"] for row in canvas.rows("made")) == [10, 20, 30, 40, 40]
    assert {tuple(row) for row in canvas.rows("nulls")} == {("id",)}


def test_tables_as_sources_and_targets(canvas: Canvas) -> None:
    glue, name = canvas.glue, canvas.name
    glue.create_database(DatabaseInput={"Name": name})
    policy = {"EnableUpdateCatalog": True, "UpdateBehavior": "UPDATE_IN_DATABASE"}
    canvas.create(
        {
            "people": canvas.people,
            "typed": canvas.typed,
            "made": {"S3GlueParquetTarget": {
                "Name": "Made", "Inputs": ["typed"], "Path": f"s3://{name}/tables/people/", "Compression": "snappy",
                "PartitionKeys": [["town"]],
                "SchemaChangePolicy": {**policy, "Database": name, "Table": "people"},
            }},
            "ice": {"S3IcebergDirectTarget": {
                "Name": "Ice", "Inputs": ["typed"], "Path": f"s3://{name}/tables/ice/", "Format": "iceberg",
                "Compression": "uncompressed", "SchemaChangePolicy": {"Database": name, "Table": "ice"},
            }},
        }
    )  # fmt: skip
    ended = run(glue, name, seconds=300)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    values = [
        one["Values"] for one in glue.get_partitions(DatabaseName=name, TableName="people")["Partitions"]
    ]
    assert sorted(values) == [["Bern"], ["Rome"]]
    nodes = {
        "table": {"S3CatalogSource": {
            "Name": "Table", "Database": name, "Table": "people", "PartitionPredicate": "town = 'Bern'",
        }},
        "ice": {"CatalogIcebergSource": {"Name": "Ice", "Database": name, "Table": "ice"}},
        "to-table": canvas.target("table"),
        "to-ice": canvas.target("ice"),
    }  # fmt: skip
    glue.update_job(
        JobName=name,
        JobUpdate={
            "Role": "r", "GlueVersion": "5.0", "CodeGenConfigurationNodes": nodes,
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{name}/scripts/visual.py"},
        },
    )  # fmt: skip
    ended = run(glue, name, seconds=300)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert [row["id"] for row in canvas.rows("table")] == [1, 2]
    assert [row["id"] for row in canvas.rows("ice")] == [1, 2, 3, 4, 4]


def test_lakes_as_targets_and_sources(canvas: Canvas) -> None:
    """Delta and Hudi: SchemaChangePolicy brings the tables into the catalog, from where they are read."""
    glue, name = canvas.glue, canvas.name
    glue.create_database(DatabaseInput={"Name": name})
    policy = {"EnableUpdateCatalog": True, "UpdateBehavior": "UPDATE_IN_DATABASE", "Database": name}
    hudi = {
        "hoodie.table.name": "hudi", "hoodie.datasource.write.recordkey.field": "id",
        "hoodie.datasource.write.precombine.field": "name", "hoodie.metadata.enable": "false",
    }  # fmt: skip
    formats = {"--datalake-formats": "delta,hudi"}
    canvas.create(
        {
            "people": canvas.people,
            "typed": canvas.typed,
            "delta": {"S3DeltaDirectTarget": {
                "Name": "Delta", "Inputs": ["typed"], "Path": f"s3://{name}/lake/delta/", "Compression": "snappy",
                "Format": "delta", "SchemaChangePolicy": {**policy, "Table": "delta"},
            }},
            "plain": {"S3DeltaDirectTarget": {
                "Name": "Plain", "Inputs": ["typed"], "Path": f"s3://{name}/lake/plain/", "Compression": "snappy",
                "Format": "delta", "PartitionKeys": [["town"]],
            }},
            "hudi": {"S3HudiDirectTarget": {
                "Name": "Hudi", "Inputs": ["typed"], "Path": f"s3://{name}/lake/hudi/", "Compression": "snappy",
                "Format": "hudi", "PartitionKeys": [["town"]], "AdditionalOptions": hudi,
                "SchemaChangePolicy": {**policy, "Table": "hudi"},
            }},
        },
        DefaultArguments=formats,
    )  # fmt: skip
    for _ in range(2):  # tables that are there already, too
        ended = run(glue, name, seconds=300)
        assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    found = glue.get_tables(DatabaseName=name)["TableList"]
    assert sorted(table["Name"] for table in found) == ["delta", "hudi"]
    nodes = {
        "delta": {"CatalogDeltaSource": {"Name": "Delta", "Database": name, "Table": "delta"}},
        "plain": {"S3DeltaSource": {"Name": "Plain", "Paths": [f"s3://{name}/lake/plain/"]}},
        "hudi": {"S3CatalogHudiSource": {"Name": "Hudi", "Database": name, "Table": "hudi"}},
    }
    targets = {f"to-{one}": canvas.target(one) for one in nodes}
    glue.update_job(
        JobName=name,
        JobUpdate={
            "Role": "r", "GlueVersion": "5.0", "CodeGenConfigurationNodes": {**nodes, **targets},
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{name}/scripts/visual.py"},
            "DefaultArguments": formats,
        },
    )  # fmt: skip
    ended = run(glue, name, seconds=300)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    for one in ("delta", "plain"):
        assert sorted(row["id"] for row in canvas.rows(one)) == [1, 1, 2, 2, 3, 3, 4, 4, 4, 4]
    # Hudi keeps one row of a key.
    assert sorted((row["id"], row["town"]) for row in canvas.rows("hudi")) == [
        (1, "Bern"),
        (2, "Bern"),
        (3, "Rome"),
        (4, "Rome"),
    ]


def test_what_has_no_script(canvas: Canvas) -> None:
    recipe = {
        "Recipe": {
            "Name": "R",
            "Inputs": ["people"],
            "RecipeSteps": [{"Action": {"Operation": "UPPER_CASE"}}],
        }
    }
    definition = {
        "Name": canvas.name,
        "Role": "r",
        "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{canvas.name}/s.py"},
    }
    code, message = refusal(
        canvas.glue.create_job, **definition, CodeGenConfigurationNodes={"people": canvas.people, "r": recipe}
    )
    assert code == "InvalidInputException"
    assert "node r is of the kind Recipe" in message
    elsewhere = {
        **definition,
        "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{canvas.name}-none/s.py"},
    }
    code, message = refusal(
        canvas.glue.create_job, **elsewhere, CodeGenConfigurationNodes={"people": canvas.people}
    )
    assert code == "InvalidInputException"
    assert "NoSuchBucket" in message
    canvas.create({"people": canvas.people})
    assert canvas.glue.get_job(JobName=canvas.name)["Job"]["JobMode"] == "VISUAL"


def test_quality_of_data(canvas: Canvas) -> None:
    rules = """Rules = [
        IsComplete "id", ColumnValues "age" > 18 where "age is not null", ReferentialIntegrity "id" "v.person" > 0.4
    ]"""
    canvas.run(
        {
            "people": canvas.people,
            "typed": canvas.typed,
            "visits": canvas.visits,
            "judged": {"EvaluateDataQuality": {
                "Name": "Judged", "Inputs": ["typed"], "Output": "EvaluationResults",
                "Ruleset": 'Rules = [ IsComplete "id", Completeness "age" > 0.9 ]',
                "PublishingOptions": {"EvaluationContext": "people", "ResultsPublishingEnabled": True},
            }},
            "passed": {"EvaluateDataQuality": {
                "Name": "Passed on", "Inputs": ["typed"], "Output": "PrimaryInput",
                "Ruleset": "Rules = [ RowCount > 1 ]",
                "StopJobOnFailureOptions": {"StopJobOnFailureTiming": "Immediate"},
            }},
            "many": {"EvaluateDataQualityMultiFrame": {
                "Name": "Many", "Inputs": ["typed", "visits"], "AdditionalDataSources": {"visits": "v"},
                "Ruleset": rules,
                "AdditionalOptions": {"performanceTuning.caching": "CACHE_NOTHING"},
            }},
            "rows": {"SelectFromCollection": {"Name": "Rows", "Inputs": ["many"], "Index": 2}},
            "short": {"SelectFields": {
                "Name": "Short", "Inputs": ["rows"], "Paths": [["id"], ["DataQualityRulesFail"]],
            }},
        },
        "judged", "passed", "short",
    )  # fmt: skip
    assert {row["Rule"]: row["Outcome"] for row in canvas.rows("judged")} == {
        'IsComplete "id"': "Passed",
        'Completeness "age" > 0.9': "Failed",
    }
    assert len(canvas.rows("passed")) == 5
    failing = {row["id"]: len(row["DataQualityRulesFail"]) for row in canvas.rows("short")}
    assert failing == {1: 0, 2: 2, 3: 0, 4: 1}


def test_rules_that_fail_stop_the_job_after_the_data_is_there(canvas: Canvas) -> None:
    nodes = {
        "people": canvas.people,
        "judged": {"EvaluateDataQuality": {
            "Name": "Judged", "Inputs": ["people"], "Output": "PrimaryInput", "Ruleset": "Rules = [ RowCount > 99 ]",
            "StopJobOnFailureOptions": {"StopJobOnFailureTiming": "AfterDataLoad"},
        }},
        "to-judged": canvas.target("judged"),
    }  # fmt: skip
    ended = run(canvas.glue, canvas.create(nodes), seconds=300)
    assert ended["JobRunState"] == "FAILED"
    assert "RowCount > 99" in ended["ErrorMessage"]
    assert len(canvas.rows("judged")) == 5


def test_sensitive_data_and_missing_values(canvas: Canvas) -> None:
    mails = "".join(f"{n},me{n}@example.com,{'' if n % 4 == 0 else n * 2}\n" for n in range(1, 13))
    canvas.s3.put_object(Bucket=canvas.name, Key="in/mails/m.csv", Body=f"id,mail,double\n{mails}".encode())
    source = {
        "S3CsvSource": {
            **canvas.people["S3CsvSource"],
            "Name": "Mails",
            "Paths": [f"s3://{canvas.name}/in/mails/"],
        }
    }

    def pii(kind: str, **more: Any) -> dict[str, Any]:
        body = {"Name": kind, "Inputs": ["mails"], "PiiType": kind, "EntityTypesToDetect": ["EMAIL"]}
        return {"PIIDetection": {**body, **more}}

    fine = json.dumps({"EMAIL": [{"action": "REDACT", "actionOptions": {"redactText": "gone"}}]})
    canvas.run(
        {
            "mails": source,
            "audit": pii("RowAudit", OutputColumnName="seen"),
            "masked": pii("RowMasking", MaskValue="hidden"),
            "partly": pii("RowPartialMasking", NumLeftCharsToExclude=2, NumRightCharsToExclude=4, RedactChar="#"),
            "fine": pii("RowMasking", DetectionParameters=fine),
            "hashed": pii("ColumnHashing", SampleFraction=1.0, ThresholdFraction=0.5),
            "columns": pii("ColumnAudit", SampleFraction=1.0, ThresholdFraction=0.5),
            "numbers": {"ApplyMapping": {"Name": "Numbers", "Inputs": ["mails"], "Mapping": [
                {"FromPath": ["id"], "FromType": "string", "ToKey": "id", "ToType": "int"},
                {"FromPath": ["double"], "FromType": "string", "ToKey": "double", "ToType": "double"},
            ]}},
            "doubled": {"DynamicTransform": {
                "Name": "Derived", "TransformName": "gs_derived", "Inputs": ["numbers"], "FunctionName": "gs_derived",
                "Path": "s3://aws-glue-studio-transforms-510798373988-prod-us-east-1/gs_derived.py",
                "Parameters": [
                    {"Name": "colName", "Type": "str", "Value": ["more"]},
                    {"Name": "expr", "Type": "str", "Value": ["id * 3"]},
                ],
            }},
            "filled": {"FillMissingValues": {
                "Name": "Filled", "Inputs": ["numbers"], "ImputedPath": "double", "FilledPath": "whole",
            }},
        },
        "audit", "masked", "partly", "fine", "hashed", "columns", "filled", "doubled",
    )  # fmt: skip
    first = {one: canvas.rows(one)[0] for one in ("audit", "masked", "partly", "fine", "hashed")}
    assert first["audit"]["seen"]["mail"][0]["entityType"] == "EMAIL"
    assert [first[one]["mail"] for one in ("masked", "partly", "fine")] == [
        "hidden",
        "me#########.com",
        "gone",
    ]
    assert len(first["hashed"]["mail"]) == 64
    assert [row["ColumnName"] for row in canvas.rows("columns")] == ["mail"]
    assert all(row["more"] == row["id"] * 3 for row in canvas.rows("doubled"))
    assert all(abs(row["whole"] - row["id"] * 2) < 0.001 for row in canvas.rows("filled"))
