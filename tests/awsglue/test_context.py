"""The heads of Glue scripts, the names scripts import, and what is refused."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest

from awsglue._runtime.engine import installed


def test_options_are_empty_unless_they_are_given(glue):
    from awsglue.dynamicframe import DynamicFrame
    from awsglue.job import Job

    wanted = {
        Job.init: ["args"],
        DynamicFrame.write: ["connection_options", "format_options"],
        DynamicFrame.spigot: ["options"],
        type(glue).create_dynamic_frame_from_options: ["connection_options", "format_options"],
        type(glue).create_dynamic_frame_from_catalog: ["additional_options"],
        type(glue).write_dynamic_frame_from_options: ["connection_options", "format_options"],
        type(glue.create_dynamic_frame).from_options: ["connection_options", "format_options"],
        type(glue).purge_table: ["options"],
    }
    for function, names in wanted.items():
        parameters = inspect.signature(function).parameters
        assert [parameters[name].default for name in names] == [{}] * len(names)
    with pytest.raises(ValueError, match="paths"):
        glue.create_dynamic_frame_from_options("s3", None, "json", None).count()


def test_script_heads(spark):
    from pyspark.context import SparkContext

    from awsglue.context import GlueContext

    for context in (GlueContext(SparkContext.getOrCreate()), GlueContext(spark), GlueContext()):
        assert context.spark_session.sql("select 1 as a").collect()[0][0] == 1
        assert context.sql("select 2").collect()[0][0] == 2


@pytest.mark.filterwarnings("ignore")
def test_the_names_of_spark_1(spark):
    """Of one session, whichever way a script gets it."""
    from pyspark.context import SparkContext
    from pyspark.sql import SparkSession, SQLContext

    context = SparkContext.getOrCreate()
    spark.createDataFrame([(1, "x"), (2, None)], "a int, b string").createOrReplaceTempView("spark_1")
    for found in (SQLContext(context), SQLContext(context, sparkSession=spark), SparkSession(context)):
        assert found.sql("select count(b) n from spark_1").collect()[0].n == 1
        assert found.table("spark_1").count() == 2
    rows = SQLContext(context).createDataFrame(context.parallelize([(1, "x")]), ["a", "b"]).collect()
    assert [tuple(row) for row in rows] == [(1, "x")]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"the ID": "x"}, ["x", "B", "c"]),
        ({"b": "y", "C": "z"}, ["The id", "y", "z"]),
        ({"nothing": "x"}, ["The id", "B", "c"]),
        ({"c": "B", "B": "q"}, ["The id", "q", "B"]),
        ({"b": "b"}, ["The id", "b", "c"]),
    ],
)
def test_columns_are_renamed_by_names_in_any_case(spark, names, expected):
    frame = spark.createDataFrame([(1, 2, 3)], ["The id", "B", "c"])
    assert frame.withColumnsRenamed(names).columns == expected
    assert [tuple(row) for row in frame.withColumnsRenamed(names).collect()] == [(1, 2, 3)]
    if len(names) == 1:
        ((old, new),) = names.items()
        assert frame.withColumnRenamed(old, new).columns == expected


def test_one_column_may_be_renamed_to_what_is_there_several_may_not(spark):
    frame = spark.createDataFrame([(1, 2)], ["a", "B"])
    assert frame.withColumnRenamed("b", "A").columns == ["a", "A"]
    # One renaming sees what another has left, so both columns would be `c`.
    with pytest.raises(Exception, match="COLUMN_ALREADY_EXISTS"):
        frame.withColumnsRenamed({"a": "b", "b": "c"}).collect()


def test_pandas_numbers_become_the_widest_of_their_kind(spark, modern):
    import numpy as np
    import pandas as pd

    if modern:
        pytest.skip("Spark 4 takes pandas data by Arrow, with its types")
    data = pd.DataFrame(
        {"i": np.array([1, 2], "int32"), "f": np.array([0.5, 2], "float32"), "s": ["x", None]}
    )
    for schema, shown in (
        (None, "struct<i:bigint,f:double,s:string>"),
        (["a", "b", "c"], "struct<a:bigint,b:double,c:string>"),
        ("a int, b float, c string", "struct<a:int,b:float,c:string>"),
    ):
        made = spark.createDataFrame(data, schema)
        assert made.schema.simpleString() == shown
        assert [tuple(row) for row in made.collect()] == [(1, 0.5, "x"), (2, 2.0, None)]
    assert data.dtypes["i"] == np.dtype("int32")


def test_nan_of_pandas_is_not_null(spark, modern):
    import pandas as pd

    from awsglue._runtime.failures import EngineRefused

    if modern:
        pytest.skip("Spark 4 takes pandas data by Arrow, for which NaN is null")
    data = pd.DataFrame({"a": [1.5, float("nan")]})
    for schema in (None, "a double"):
        if installed() == "sail":
            with pytest.raises(EngineRefused, match="NaN"):
                spark.createDataFrame(data, schema)
        else:
            assert spark.createDataFrame(data, schema).filter("a is null").count() == 0


CONFTEST = """
from pyspark.context import SparkContext
from pyspark.sql import SparkSession
import pytest

@pytest.fixture
def glue():
    from awsglue.context import GlueContext
    return GlueContext(SparkContext.getOrCreate())
"""
TEST = """
def test_rows(glue):
    from awsglue import DynamicFrame
    frame = DynamicFrame.fromDF(glue.spark_session.range(3), glue, "f")
    assert frame.rename_field("id", "n").toDF().columns == ["n"]
    assert frame.count() == 3
"""


@pytest.mark.skipif(installed() != "sail", reason="Apache Spark has these names itself")
def test_unit_tests_import_pyspark_first(tmp_path):
    """pytest alone, no server, no launcher: the plugin that the package brings makes the names."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_rows.py").write_text(TEST)
    start = tmp_path / "start.py"
    start.write_text(
        f"import sys; sys.path[:0] = {sys.path!r}; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    options = ["-q", "-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, str(start), *options, str(tmp_path)],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_whole_files(spark, tmp_path):
    for name, text in (("a.txt", "x\ny\n"), ("b é%20.txt", "z")):
        (tmp_path / name).write_text(text)
    found = spark.sparkContext.wholeTextFiles(f"file://{tmp_path}").collect()
    assert sorted(found) == [(f"file:{tmp_path}/a.txt", "x\ny\n"), (f"file:{tmp_path}/b é%20.txt", "z")]


def test_logger(glue, capsys):
    logger = glue.get_logger()
    logger.info("hello")
    logger.warn("careful")
    logger.error("no")
    logger.debug("yes")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[2] for line in lines] == ["INFO", "WARN", "ERROR", "DEBUG"]


def test_all_documented_transforms():
    from awsglue import transforms

    names = {
        one.name() for one in transforms.get_transforms() if one.__module__.startswith("awsglue.transforms")
    }
    assert names == {
        "ApplyMapping",
        "DropFields",
        "DropNullFields",
        "ErrorsAsDynamicFrame",
        "Filter",
        "FlatMap",
        "Join",
        "Map",
        "MapToCollection",
        "Relationalize",
        "RenameField",
        "ResolveChoice",
        "SelectFields",
        "SelectFromCollection",
        "Spigot",
        "SplitFields",
        "SplitRows",
        "Unbox",
        "UnnestFrame",
        "Union",
        "Repartition",
        "Coalesce",
    }
    assert transforms.get_transform("Map") is transforms.Map
    with pytest.raises(ValueError, match="Nothing"):
        transforms.get_transform("Nothing")
    described = transforms.describe_transform("Filter")["transform"]
    assert [one["name"] for one in described["args"]] == [
        "frame",
        "f",
        "transformation_ctx",
        "info",
        "stageThreshold",
        "totalThreshold",
    ]


SIGNATURES = {
    "filter": "f transformation_ctx info stageThreshold totalThreshold",
    "map": "f preservesPartitioning transformation_ctx info stageThreshold totalThreshold",
    "apply_mapping": "mappings case_sensitive transformation_ctx info stageThreshold totalThreshold",
    "drop_fields": "paths transformation_ctx info stageThreshold totalThreshold",
    "rename_field": "oldName newName transformation_ctx info stageThreshold totalThreshold",
    "join": "paths1 paths2 frame2 transformation_ctx info stageThreshold totalThreshold",
    "resolveChoice": "specs choice database table_name transformation_ctx info stageThreshold totalThreshold "
    "catalog_id",
    "relationalize": "root_table_name staging_path options transformation_ctx info stageThreshold totalThreshold",
    "write": "connection_type connection_options format format_options accumulator_size",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name):
    from awsglue.dynamicframe import DynamicFrame

    parameters = list(inspect.signature(getattr(DynamicFrame, name)).parameters)
    assert parameters == ["self", *SIGNATURES[name].split()]


def test_imports_need_no_engine():
    """On a laptop without an engine everything imports, and arguments and types work."""
    program = (
        "import sys; sys.modules['pyspark'] = None; sys.modules['pysail'] = None\n"
        "import awsglue.context, awsglue.job, awsglue.dynamicframe, awsglue.transforms\n"
        "import awsglue.gluetypes, awsglue.functions\n"
        "import awsglue.data_source, awsglue.data_sink, awsglue.streaming_data_source, awsglue.dataframereader\n"
        "import awsglue.dataframewriter, awsglue.dataframe_transforms, awsglue.devutils\n"
        "import awsgluedq.transforms, awsglueml.transforms\n"
        "from awsglue.utils import getResolvedOptions\n"
        "print(getResolvedOptions(['s', '--a', '1'], ['a'])['a'])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "1\n", done.stderr


def test_what_is_not_there_says_so(glue, frame):
    from awsgluedq.transforms import EvaluateDataQuality
    from awsglueml.transforms import EntityDetector

    source = frame("a string", [("x",)])
    aggregated = {"publishAggregatedMetrics.status": "ENABLED"}
    for call in (
        lambda: EvaluateDataQuality().process_rows(
            source, "Rules = [ RowCount > 0 ]", additional_options=aggregated
        ),
        lambda: EntityDetector().detect(source, ["PERSON_NAME"]),
        lambda: glue.start_transaction(True),
    ):
        with pytest.raises(NotImplementedError):
            call()


def test_for_each_batch_options(glue, frame):
    df = frame("a int", [(1,)]).toDF()
    with pytest.raises(Exception, match="windowSize"):
        glue.forEachBatch(df, lambda *_: None, {"checkpointLocation": "x"})
    with pytest.raises(Exception, match="checkpointLocation"):
        glue.forEachBatch(df, lambda *_: None, {"windowSize": "1 second"})
    with pytest.raises(Exception, match="streaming"):
        glue.forEachBatch(df, lambda *_: None, {"windowSize": "1 second", "checkpointLocation": "x"})


def test_ingestion_time_columns(glue, frame):
    with_hour = glue.add_ingestion_time_columns(frame("a int", [(1,)]).toDF(), "hour")
    assert with_hour.columns == ["a", "ingest_year", "ingest_month", "ingest_day", "ingest_hour"]
    with pytest.raises(ValueError, match="time_granularity"):
        glue.add_ingestion_time_columns(with_hour, "week")


def test_resolve_options(glue):
    from awsglue.gluetypes import LongType

    assert glue.convert_resolve_option("a", "KeepAsStruct", None) == "make_struct"
    assert glue.convert_resolve_option("a", "Project", LongType()) == "project:bigint"
    with pytest.raises(ValueError, match="Guess"):
        glue.convert_resolve_option("a", "Guess", None)


def test_frames_of_lists(glue, records):
    made = glue.create_dynamic_frame.from_rdd([(1, "x")], "f", "a int, b string")
    assert made.name == "f"
    assert records(made) == [{"a": 1, "b": "x"}]


def test_data_frame_mapping(glue, frame):
    from awsglue.dataframe_transforms import ApplyMapping

    df = ApplyMapping.apply(frame("a string", [("1",)]).toDF(), [("a", "string", "b", "long")])
    assert df.dtypes == [("b", "bigint")]


def test_column_functions(spark):
    from awsglue.functions import explodeWithIndex, namedStruct, replaceArrayElement

    df = spark.sql("select array(1, 2) as l, 'x' as s")
    assert df.select(replaceArrayElement("l", 1, 9).alias("l")).first()[0] == [1, 9]
    assert df.select(namedStruct("n", "s").alias("v")).first()[0]["n"] == "x"
    assert [tuple(row) for row in df.select(explodeWithIndex("l")).collect()] == [(0, 1), (1, 2)]


def test_lists_of_data_frames_stay_apart(frame):
    """Frames never change: a transform gives a new one."""
    source = frame("a int, b int", [(1, 2)])
    source.drop_fields("a")
    assert source.toDF().columns == ["a", "b"]
