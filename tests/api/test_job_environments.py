"""What a run adds to its surroundings: Python modules, environment variables, files, Java libraries."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.jobs import finished, lines, run
from tests.conftest import RUNTIMES

OUTPUT = "/aws-glue/python-jobs/output"
needs_spark = pytest.mark.skipif(
    not (RUNTIMES / "spark-3.5").exists(), reason="the Spark runtime is not installed"
)


def wheel(module: str, version: str, code: str, requires: str = "") -> bytes:
    """A wheel of one module."""
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    files = {
        f"{module}.py": code,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{module}-tool = {module}:main\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    return archive(files)


def archive(files: dict[str, str] | dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return buffer.getvalue()


def environments(server: Any) -> set[str]:
    """Finished environments of a server, by name."""
    folder: Path = server.data_dir / "modules"
    return {path.name for path in folder.iterdir() if path.is_dir()} if folder.exists() else set()


def test_wheels_of_ones_own(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    script = f"""
import subprocess, sys
import {name}_a, pandas
print({name}_a.VALUE, pandas.__name__)
print(subprocess.run(["{name}_a-tool"], capture_output=True, text=True).stdout.strip())
print(subprocess.run([sys.executable, "-c", "import {name}_b; print({name}_b.VALUE)"],
                     capture_output=True, text=True).stdout.strip())
"""
    s3 = server.client("s3")
    job = make(script)
    code = f"import {name}_b\nVALUE = 'a over ' + {name}_b.VALUE\ndef main():\n    print('tool')\n"
    s3.put_object(Bucket=name, Key="w/b.gluewheels.zip", Body=archive(
        {f"wheels/{name}_b-1.0-py3-none-any.whl": wheel(f"{name}_b", "1.0", "VALUE = 'b'\n")}
    ))  # fmt: skip
    s3.put_object(
        Bucket=name,
        Key=f"w/{name}_a-2.0-py3-none-any.whl",
        Body=wheel(f"{name}_a", "2.0", code, f"{name}_b>=1"),
    )
    modules = f"s3://{name}/w/b.gluewheels.zip, s3://{name}/w/{name}_a-2.0-py3-none-any.whl"
    given = {"--additional-python-modules": modules, "--python-modules-installer-option": "--no-index"}
    before = environments(server)
    runs = [glue.start_job_run(JobName=job, Arguments=given)["JobRunId"]]
    for state in (finished(glue, job, one) for one in runs):
        assert state["JobRunState"] == "SUCCEEDED", state.get("ErrorMessage")
    assert lines(server, OUTPUT, runs[0]) == ["a over b pandas", "tool", "b"]
    assert len(environments(server) - before) == 1
    # Other content under the same name is another environment.
    s3.put_object(
        Bucket=name, Key=f"w/{name}_a-2.0-py3-none-any.whl",
        Body=wheel(f"{name}_a", "2.0", code.replace("over", "above"), f"{name}_b>=1"),
    )  # fmt: skip
    again = run(glue, job, Arguments=given)
    assert lines(server, OUTPUT, again["Id"])[0] == "a above b pandas"


def test_runs_at_the_same_time_share_an_installation(
    server: Any, glue: Any, name: str, make: Callable[..., str]
) -> None:
    job = make(f"import {name}_c; print({name}_c.VALUE)", ExecutionProperty={"MaxConcurrentRuns": 5})
    body = wheel(f"{name}_c", "1.0", "VALUE = 'c'\n")
    key = f"{name}_c-1.0-py3-none-any.whl"
    server.client("s3").put_object(Bucket=name, Key=key, Body=body)
    given = {"--additional-python-modules": f"s3://{name}/{key}"}
    before = environments(server)
    runs = [glue.start_job_run(JobName=job, Arguments=given)["JobRunId"] for _ in range(3)]
    assert [finished(glue, job, one)["JobRunState"] for one in runs] == ["SUCCEEDED"] * 3
    assert len(environments(server) - before) == 1


def test_what_cannot_be_installed_tells_why(
    server: Any, glue: Any, name: str, make: Callable[..., str]
) -> None:
    job = make("print(1)", MaxRetries=2)
    before = environments(server)
    given = {
        "--additional-python-modules": f"{name}-is-nowhere==1.0",
        "--python-modules-installer-option": "--no-index",
    }
    ended = run(glue, job, Arguments=given)
    assert ended["JobRunState"] == "FAILED"
    assert "No matching distribution found" in ended["ErrorMessage"]
    assert f"{name}-is-nowhere" in ended["ErrorMessage"]
    assert environments(server) == before
    ended = run(
        glue, job,
        Arguments={"--additional-python-modules": "x", "--python-modules-installer-option": "--target=/tmp/x"},
    )  # fmt: skip
    assert "--target is not served" in ended["ErrorMessage"]


def packed(files: dict[str, str], *, python: str) -> bytes:
    """An environment as it is packed for a job: its modules, its programs, a link to an interpreter elsewhere."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path, content in files.items():
            info = tarfile.TarInfo(path.format(site=f"lib/python{python}/site-packages"))
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, "/opt/elsewhere/python"
        tar.addfile(link)
    return buffer.getvalue()


def test_an_environment_that_a_job_brings(
    server: Any, glue: Any, name: str, make: Callable[..., str]
) -> None:
    s3 = server.client("s3")
    job = make(f"""
import subprocess, pandas, {name}_v
print({name}_v.VALUE, pandas.MARK)
print(subprocess.run(["{name}-tool"], capture_output=True, text=True).stdout.strip())
""")
    files = {
        "{site}/" + f"{name}_v.py": "VALUE = 'brought'\n",
        "{site}/pandas/__init__.py": "MARK = 'its own pandas'\n",
        f"bin/{name}-tool": f"#!/build/venv/bin/python3\nimport {name}_v\nprint('tool', {name}_v.VALUE)\n",
    }
    runtime = subprocess.run(
        [RUNTIMES / "sail" / "bin" / "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    s3.put_object(Bucket=name, Key="venv.tar.gz", Body=packed(files, python=runtime))
    s3.put_object(Bucket=name, Key="old.tar.gz", Body=packed(files, python="3.7"))
    s3.put_object(Bucket=name, Key="none.tar.gz", Body=packed({"readme": "x"}, python=runtime))
    ended = run(glue, job, Arguments={"--python-virtual-env": f"s3://{name}/venv.tar.gz"})
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert lines(server, OUTPUT, ended["Id"]) == ["brought its own pandas", "tool brought"]
    for key, reason in (("old", "made for Python 3.7"), ("none", "it is no packed environment")):
        ended = run(glue, job, Arguments={"--python-virtual-env": f"s3://{name}/{key}.tar.gz"})
        assert (ended["JobRunState"], reason in ended["ErrorMessage"]) == ("FAILED", True), ended


def test_stopping_ends_an_installation(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    """The module's installation would last for minutes: its build waits."""
    job = make("print(1)")
    build = b"import time\ntime.sleep(600)\n"
    source = archive(
        {"slow-1.0/setup.py": build, "slow-1.0/PKG-INFO": b"Metadata-Version: 1.0\nName: slow\n"}
    )
    server.client("s3").put_object(Bucket=name, Key="slow-1.0.zip", Body=source)
    before = environments(server)
    given = {
        "--additional-python-modules": f"s3://{name}/slow-1.0.zip",
        "--python-modules-installer-option": "--no-index --no-build-isolation",
    }
    started = glue.start_job_run(JobName=job, Arguments=given)["JobRunId"]
    while environments(server) == before:
        assert glue.get_job_run(JobName=job, RunId=started)["JobRun"]["JobRunState"] == "STARTING"
    glue.batch_stop_job_run(JobName=job, JobRunIds=[started])
    assert finished(glue, job, started)["JobRunState"] == "STOPPED"
    assert environments(server) == before


def test_variables_of_the_environment(server: Any, glue: Any, make: Callable[..., str]) -> None:
    job = make(
        "import os; print(os.environ['CUSTOMER_A'], '|', os.environ['CUSTOMER_B'], '|', os.environ['KEY4'])"
    )
    given = {
        "--customer-driver-env-vars": 'CUSTOMER_A=1,CUSTOMER_B="x, y"',
        "--customer-executor-env-vars": "KEY4=VAL4",
    }
    ended = run(glue, job, Arguments=given)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert lines(server, OUTPUT, ended["Id"]) == ["1 | x, y | VAL4"]
    ended = run(glue, job, Arguments={"--customer-driver-env-vars": "AWS_REGION=eu-west-1"})
    assert "AWS_REGION is set by the service" in ended["ErrorMessage"]


SPARK_SCRIPT = """
import os
from pyspark.context import SparkContext
from awsglue.context import GlueContext

spark = GlueContext(SparkContext.getOrCreate()).spark_session
loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
print(loader.getResource("greeting.txt") is not None)
print(os.environ.get("A"), spark.sparkContext.parallelize([1]).map(lambda _: os.environ.get("A")).collect())
"""


@needs_spark
def test_java_libraries(server: Any, glue: Any, name: str, make: Callable[..., str]) -> None:
    job = make(SPARK_SCRIPT, command="glueetl", GlueVersion="5.0")
    server.client("s3").put_object(Bucket=name, Key="x.jar", Body=archive({"greeting.txt": "hello"}))
    given = {
        "--extra-jars": f"s3://{name}/x.jar",
        "--user-jars-first": "true",
        "--customer-driver-env-vars": "A=driver",
        "--customer-executor-env-vars": "A=executor",
    }
    ended = run(glue, job, Arguments=given, seconds=300)
    assert ended["JobRunState"] == "SUCCEEDED", ended.get("ErrorMessage")
    assert ended["StateDetail"] == "engine: spark (--extra-jars is for a Java virtual machine)"
    assert lines(server, "/aws-glue/jobs/output", ended["Id"]) == ["True", "driver ['executor']"]
