"""getResolvedOptions, by the rules of a Glue job's arguments."""

from __future__ import annotations

import pytest

from awsglue._runtime.conf import spark_conf
from awsglue.utils import GlueArgumentError, getResolvedOptions, makeOptions

ALWAYS = {
    "job_bookmark_option": "job-bookmark-disable",
    "job_bookmark_from": None,
    "job_bookmark_to": None,
    "JOB_ID": None,
    "JOB_RUN_ID": None,
    "SECURITY_CONFIGURATION": None,
    "encryption_type": None,
    "enable_data_lineage": None,
    "RedshiftTempDir": None,
    "TempDir": None,
}


def test_both_forms_and_unknown_arguments():
    argv = ["script.py", "--JOB_NAME", "j", "--x=1=2", "--other", "y", "positional"]
    assert getResolvedOptions(argv, ["JOB_NAME", "x"]) == {**ALWAYS, "JOB_NAME": "j", "x": "1=2"}


def test_hyphens_become_underscores():
    assert getResolvedOptions(["s", "--my-opt", "v"], ["my-opt"])["my_opt"] == "v"


def test_missing():
    with pytest.raises(GlueArgumentError, match="the following arguments are required: --x"):
        getResolvedOptions(["s", "--JOB_NAME", "j"], ["JOB_NAME", "x"])
    with pytest.raises(GlueArgumentError):
        getResolvedOptions(["s", "--x"], ["x"])


def test_the_first_element_is_the_script():
    with pytest.raises(GlueArgumentError):
        getResolvedOptions(["--x", "1"], ["x"])


@pytest.mark.parametrize(
    "name",
    [
        "job-bookmark-option",
        "continuation-option",
        "JOB_ID",
        "--JOB_RUN_ID",
        "encryption-type",
        "job-bookmark-from",
        "SECURITY_CONFIGURATION",
        "enable-data-lineage",
    ],
)
def test_reserved(name):
    with pytest.raises(RuntimeError, match="Using reserved arguments"):
        getResolvedOptions(["s"], [name])


def test_temp_dir_is_optional_and_mirrored():
    assert getResolvedOptions(["s", "--TempDir", "s3://t"], ["TempDir"])["RedshiftTempDir"] == "s3://t"
    assert (
        getResolvedOptions(["s", "--RedshiftTempDir", "s3://r"], ["RedshiftTempDir"])["TempDir"] == "s3://r"
    )
    assert getResolvedOptions(["s"], ["TempDir"])["TempDir"] is None


def test_ids():
    values = getResolvedOptions(["s", "--JOB_ID", "j_1", "--JOB_RUN_ID", "jr_1"], [])
    assert (values["JOB_ID"], values["JOB_RUN_ID"]) == ("j_1", "jr_1")


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--job-bookmark-option", "job-bookmark-enable", "job-bookmark-enable"),
        ("--job-bookmark-option", "job-bookmark-pause", "job-bookmark-pause"),
        ("--continuation-option", "continuation-enabled", "job-bookmark-enable"),
        ("--continuation-option", "continuation-readonly", "job-bookmark-pause"),
        ("--continuation-option", "continuation-ignore", "job-bookmark-disable"),
    ],
)
def test_bookmark_options(option, value, expected):
    assert getResolvedOptions(["s", option, value], [])["job_bookmark_option"] == expected


def test_choices():
    for argument in (["--job-bookmark-option", "always"], ["--encryption-type", "sse-kms"]):
        with pytest.raises(GlueArgumentError, match="invalid choice"):
            getResolvedOptions(["s", *argument], [])


def test_ranges():
    pause = ["s", "--job-bookmark-option", "job-bookmark-pause"]
    both = ["--job-bookmark-from", "jr_1", "--job-bookmark-to", "jr_2"]
    values = getResolvedOptions([*pause, *both], [])
    assert (values["job_bookmark_from"], values["job_bookmark_to"]) == ("jr_1", "jr_2")
    with pytest.raises(RuntimeError, match="Missing option or value for --job-bookmark-to"):
        getResolvedOptions([*pause, *both[:2]], [])
    with pytest.raises(RuntimeError, match="Invalid option"):
        getResolvedOptions(["s", *both], [])


def test_make_options():
    assert makeOptions(None, '{"a": 1}') == {"a": 1}
    with pytest.raises(TypeError):
        makeOptions(None, 3)


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        ("", {}),
        ("spark.a=1", {"spark.a": "1"}),
        (" --conf spark.a=1 --conf  spark.b = x=y  --conf=spark.c='d e'", {
            "spark.a": "1", "spark.b": "x=y", "spark.c": "d e",
        }),
    ],
)  # fmt: skip
def test_settings_of_spark_in_one_argument(given, settings):
    assert spark_conf({"--conf": given}) == settings


@pytest.mark.parametrize("given", ["spark.a", "spark.a=1 --conf nonsense"])
def test_what_is_no_setting_of_spark_is_no_job(given):
    with pytest.raises(ValueError, match="Spark config without '='"):
        spark_conf({"--conf": given})
