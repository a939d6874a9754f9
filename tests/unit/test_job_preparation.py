"""Special parameters that nothing serves end a run by name; what asks for nothing does not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from mastic.errors import ServiceError
from mastic.glue.jobs import arguments
from mastic.glue.jobs.engines import NOT_SERVED, Unprepared, choose
from mastic.glue.jobs.fetching import Fetching
from mastic.store.job_runs import JobRun


def engine(given: dict[str, str], version: str = "5.1", command: str = "glueetl") -> tuple[str, str]:
    plan = {"Command": {"Name": command}, "Arguments": given}
    run = cast(JobRun, SimpleNamespace(plan=plan, body={"GlueVersion": version}))
    choice = choose(run, None, default="auto", installed=lambda name: True)
    return choice.runtime, choice.engine


@pytest.mark.parametrize("name", sorted(NOT_SERVED))
def test_what_is_not_served_is_named(name: str) -> None:
    with pytest.raises(Unprepared, match=f"^{name} was given"):
        engine({name: "true"})
    assert engine({name: "false"}) == ("sail", "auto")


@pytest.mark.parametrize("name", ["--enable-metrics", "--enable-spark-ui", "--enable-auto-scaling"])
def test_what_changes_nothing_for_a_script_is_taken(name: str) -> None:
    assert engine({name: "true"}) == ("sail", "auto")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"--custom-logGroup-prefix": "/my/group:1"}, "cannot begin the name of a log group"),
        ({"--custom-logGroup-prefix": "g" * 505}, "cannot begin the name of a log group"),
        ({"--custom-logStream-prefix": "a*"}, "cannot begin the name of a log stream"),
        ({"--custom-logStream-prefix": "s" * 401}, "cannot begin the name of a log stream"),
        (
            {"--enable-continuous-cloudwatch-log": "true", "--continuous-log-logGroup": "ä"},
            "cannot begin the name of a log group",
        ),
        (
            {"--enable-continuous-cloudwatch-log": "true", "--continuous-log-logStreamPrefix": "nothing \0"},
            "cannot begin the name of a log stream",
        ),
    ],
)
def test_names_that_no_log_can_have(given: dict[str, str], said: str) -> None:
    for command in ("glueetl", "pythonshell"):
        with pytest.raises(Unprepared, match=said):
            engine(given, command=command)


def test_names_of_a_log_that_is_not_kept_do_not_matter() -> None:
    assert engine({"--continuous-log-logGroup": "ä"}) == ("sail", "auto")
    assert engine({"--custom-logGroup-prefix": "", "--custom-logStream-prefix": ""}) == ("sail", "auto")


def test_python_2_is_not_served() -> None:
    for version, served in (("2", False), ("3", True), ("3.9", True)):
        plan = {"Command": {"Name": "pythonshell", "PythonVersion": version}, "Arguments": {}}
        run = cast(JobRun, SimpleNamespace(plan=plan, body={"GlueVersion": "1.0"}))
        if served:
            assert choose(run, None, default="auto", installed=lambda name: True).runtime == "sail"
        else:
            with pytest.raises(Unprepared, match=r"^Python 2 is not served"):
                choose(run, None, default="auto", installed=lambda name: True)


def test_java_libraries_lead_to_spark() -> None:
    assert engine({"--extra-jars": "s3://b/a.jar"}) == ("spark-3.5", "spark")
    with pytest.raises(
        Unprepared, match="--extra-jars is for a Java virtual machine, which the engine sail is not"
    ):
        engine({"--extra-jars": "s3://b/a.jar", "--engine": "sail"})


def test_an_environment_of_the_executors_alone_leads_to_spark() -> None:
    driver, executor = arguments.ENVIRONMENTS
    assert engine({driver: "A=1", executor: "A=1,B=2"}) == ("sail", "auto")
    assert engine({driver: "A=1", executor: "A=2"}) == ("spark-3.5", "spark")


def test_glue_6_is_spark_4_and_never_the_embedded_engine() -> None:
    assert engine({}, "6.0") == ("spark-4.1", "spark")
    assert engine({"--engine": "spark"}, "6.0") == ("spark-4.1", "spark")
    assert engine({"--extra-jars": "s3://b/a.jar"}, "6.0") == ("spark-4.1", "spark")
    with pytest.raises(Unprepared, match=r"Glue 6\.0 has the semantics of Spark 4\.1"):
        engine({"--engine": "sail"}, "6.0")
    for version in ("0.9", "4.0", "5.0", "auto"):
        assert engine({"--engine": "spark"}, version) == ("spark-3.5", "spark")
        assert engine({}, version) == ("sail", "auto")


def test_other_commands_have_runtimes_of_their_own() -> None:
    assert engine({}, "3.0", "pythonshell") == ("sail", "auto")
    assert engine({"--engine": "spark"}, "4.0", "glueray") == ("ray", "auto")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("A=1", {"A": "1"}),
        ('A=1,B="x, y z",C=', {"A": "1", "B": "x, y z", "C": ""}),
        ("A=b=c, D=e", {"A": "b=c", "D": "e"}),
        ("", {}),
    ],
)
def test_variables_of_an_argument(given: str, expected: dict[str, str]) -> None:
    assert arguments.environment({"--x": given}, "--x") == expected


@pytest.mark.parametrize("given", ["A", "A=1,=2", "9A=1", "A B=1"])
def test_what_is_no_variable(given: str) -> None:
    with pytest.raises(ServiceError, match="is not NAME=value"):
        arguments.environment({"--x": given}, "--x")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a==1,b", ["a==1", "b"]),
        ("a[x,y]>=1,<2 , s3://b/w.whl", ["a[x,y]>=1,<2", "s3://b/w.whl"]),
        (" ,", []),
    ],
)
def test_lists_of_modules(given: str, expected: list[str]) -> None:
    assert arguments.modules({"--additional-python-modules": given}) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"library-set": "analytics"}, "analytics"),
        ({"--library-set": " None "}, "none"),
        ({"library-set": ""}, None),
        ({}, None),
    ],
)
def test_library_sets(given: dict[str, str], expected: str | None) -> None:
    assert arguments.library_set(given) == expected


def test_other_library_sets_are_refused() -> None:
    with pytest.raises(ServiceError, match="use analytics or none"):
        arguments.library_set({"library-set": "all"})


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import awswrangler as wr", "analytics"),
        ("import os, redshift_connector", "analytics"),
        ("if True:\n    from sqlalchemy.engine import create_engine", "analytics"),
        ("import pandas as pd\n# import awswrangler\nprint('import s3fs')", ""),
        ("import my_avro, matplotlib", ""),
    ],
)
def test_scripts_that_import_of_the_library_set(script: str, expected: str) -> None:
    assert arguments.imported_set(script, "pythonshell") == expected


@pytest.mark.parametrize("command", ["glueetl", "gluestreaming"])
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("import sys\nimport matplotlib.pyplot as plt", "glueetl"),
        ("from PIL import Image", "glueetl"),
        ("import yaml, s3fs, pandas, awswrangler", ""),
    ],
)
def test_spark_jobs_have_a_set_of_their_own(command: str, script: str, expected: str) -> None:
    assert arguments.imported_set(script, command) == expected


class Scripts:
    """Objects: one script."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, bucket: str, key: str) -> bytes:
        return self.text.encode()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, True),
        ({"library-set": "none"}, False),
        ({"--additional-python-modules": "sqlalchemy==2.0"}, False),
        ({"--extra-py-files": "s3://b/awswrangler.whl"}, False),
        ({"library-set": "analytics", "--additional-python-modules": "x"}, True),
    ],
)
def test_who_gets_the_library_set(given: dict[str, str], expected: bool, tmp_path: Path) -> None:
    fetching = Fetching(objects=Scripts("import awswrangler"))
    found = fetching.modules(given, tmp_path, "pythonshell", "s3://b/script.py")
    assert (found is not None and found.library_set == "analytics") is expected
    assert fetching.modules({}, tmp_path, "glueetl", "s3://b/script.py") is None


def test_a_spark_job_has_the_library_set_beside_its_own_modules(tmp_path: Path) -> None:
    fetching = Fetching(objects=Scripts("from awsglue.job import Job\nimport seaborn"))
    own = {"--additional-python-modules": "seaborn==0.13.0"}
    for given, modules in (({}, ()), (own, ("seaborn==0.13.0",))):
        found = fetching.modules(given, tmp_path, "glueetl", "s3://b/script.py")
        assert found is not None
        assert (found.library_set, found.modules) == ("glueetl", modules)
