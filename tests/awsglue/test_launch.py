"""The launcher, as an executor uses it: one order on stdin, one result file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCHEMAS = Path(__file__).resolve().parents[2] / "packages" / "awsglue" / "awsglue" / "_runtime" / "schemas"


def launch(folder: Path, source: str, **members: Any) -> tuple[int, dict[str, Any], str, str]:
    """(exit code, result, stdout, stderr) of a script."""
    script = folder / "script.py"
    script.write_text(source)
    order = {
        "version": 1,
        "run_id": "jr_1",
        "script": str(script),
        "argv": [str(script), "--JOB_NAME", "j"],
        "cwd": str(folder),
        "stdout": str(folder / "out"),
        "stderr": str(folder / "err"),
        "result": str(folder / "result.json"),
        "command": "pythonshell",
        **members,
    }
    (folder / "order.json").write_text(json.dumps(order))
    done = subprocess.run(
        [sys.executable, "-m", "awsglue._runtime.launch"],
        input=json.dumps({"order": str(folder / "order.json")}) + "\n",
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    result = json.loads((folder / "result.json").read_text()) if (folder / "result.json").exists() else {}
    return done.returncode, result, (folder / "out").read_text(), (folder / "err").read_text()


def test_success(tmp_path: Path) -> None:
    code, result, out, _ = launch(
        tmp_path,
        "import os, sys\nprint(sys.argv[1:], os.getcwd(), os.environ['X'], __name__)\n",
        env={"X": "1"},
    )
    assert (code, result["state"], result["exit_code"]) == (0, "SUCCEEDED", 0)
    assert out == f"['--JOB_NAME', 'j'] {tmp_path} 1 __main__\n"
    assert result["script_started_at"] > 0


def test_importing_awsglue_is_enough_for_its_modules(tmp_path: Path) -> None:
    source = (
        "import sys, awsglue\nprint('awsglue.dynamicframe' in sys.modules)\n"
        "print(awsglue.utils.getResolvedOptions(['x', '--JOB_NAME', 'j'], ['JOB_NAME'])['JOB_NAME'])\n"
        "print(awsglue.DynamicFrame is awsglue.dynamicframe.DynamicFrame, hasattr(awsglue, 'nothing'))\n"
    )
    assert launch(tmp_path, source)[2] == "False\nj\nTrue False\n"


@pytest.mark.parametrize(
    ("source", "code", "state", "message"),
    [
        ("import sys; sys.exit()", 0, "SUCCEEDED", ""),
        ("import sys; sys.exit(0)", 0, "SUCCEEDED", ""),
        ("import sys; sys.exit(3)", 3, "FAILED", "SystemExit: 3"),
        ("import sys; sys.exit('no data')", 1, "FAILED", "SystemExit: no data"),
        ("raise ValueError('bad value')", 1, "FAILED", "ValueError: bad value"),
        ("{}['k']", 1, "FAILED", "KeyError: 'k'"),
        ("import no_such_module", 1, "FAILED", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f(:\n", 1, "FAILED", "SyntaxError: "),
        ("class E(Exception): pass\nraise E", 1, "FAILED", "E"),
    ],
)
def test_ends(source: str, code: int, state: str, message: str, tmp_path: Path) -> None:
    found, result, _, err = launch(tmp_path, source)
    assert (found, result["state"], result["exit_code"]) == (code, state, code)
    assert result["error_message"].startswith(message) if message else not result["error_message"]
    if state == "FAILED" and "SystemExit" not in message:
        assert "script.py" in result["traceback"]
        assert "launch.py" not in result["traceback"]
        assert "_runtime" not in result["traceback"]
        assert result["traceback"] in err


def test_killed_leaves_no_result(tmp_path: Path) -> None:
    code, result, out, _ = launch(
        tmp_path, "import os, signal\nprint('here', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert (code, result, out) == (-9, {}, "here\n")


def test_leaving_at_once_with_zero_is_success(tmp_path: Path) -> None:
    source = (
        "import os\nif os.fork() == 0: os._exit(0)\nos.wait()\n"
        "print(os.path.exists('result.json'))\nos._exit(0)\n"
    )
    code, result, out, _ = launch(tmp_path, source)
    assert (code, result["state"], out) == (0, "SUCCEEDED", "False\n")
    (tmp_path / "result.json").unlink()
    assert launch(tmp_path, "import os\nos._exit(3)\n")[:2] == (3, {})


def test_threads_and_exit_handlers_finish_first(tmp_path: Path) -> None:
    _, result, out, _ = launch(
        tmp_path,
        (
            "import atexit, threading, time\natexit.register(lambda: print('handler'))\n"
            "go_on = threading.Event()\n"
            "threading.Thread(target=lambda: (go_on.wait(), time.sleep(0.3), print('thread'))).start()\n"
            "print('main')\ngo_on.set()\n"
        ),
    )
    assert out == "main\nthread\nhandler\n"
    assert result["state"] == "SUCCEEDED"


def test_extra_modules_and_empty_stdin(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper_module.py").write_text("VALUE = 7\n")
    _, _, out, _ = launch(
        tmp_path,
        "import sys, helper_module\nprint(helper_module.VALUE, repr(sys.stdin.read()))\n",
        python_path=[str(tmp_path / "lib")],
    )
    assert out == "7 ''\n"


def test_no_order_ends_quietly() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "awsglue._runtime.launch"],
        input="",
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_unknown_order_version(tmp_path: Path) -> None:
    (tmp_path / "order.json").write_text('{"version": 9}')
    done = subprocess.run(
        [sys.executable, "-m", "awsglue._runtime.launch"],
        input=json.dumps({"order": str(tmp_path / "order.json")}),
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 64
    assert "order version 9" in done.stderr


@pytest.mark.skipif(os.environ.get("ENGINE_IS", "") == "spark", reason="the JVM is what this refuses")
def test_what_needs_the_jvm_is_refused_before_anything_runs(tmp_path: Path) -> None:
    from awsglue._runtime.engine import installed

    source = "print('ran')\nfrom pyspark.ml import Pipeline\n"
    code, result, out, _ = launch(tmp_path, source, command="glueetl", engine="auto")
    if installed() == "spark":
        assert (code, out) == (0, "ran\n")
        return
    assert (code, out, result["error_class"]) == (1, "", "EngineRefused")
    detail = "line 2: it needs the Java virtual machine"
    assert result["refusal"] == {"feature": "pyspark.ml", "detail": detail, "safe_to_restart": True}
    assert "--engine spark" in result["error_message"]


@pytest.mark.parametrize(
    ("line", "feature"),
    [
        ("rdd.aggregateByKey(0, f, g)", "aggregateByKey()"),
        ("df.agg(F.percentile_approx('a', 0.5))", "function percentile_approx()"),
        ("df.select(weekday('a'))", "function weekday()"),
        ("df.select(pyspark.sql.functions.exp('a'))", "function exp()"),
        ("spark.sql('select bround(a) from t')", "function bround()"),
        ("spark.sql(f'select mode(a) from {t}').show()", "function mode()"),
        (
            "spark.conf.set('spark.sql.legacy.timeParserPolicy', 'LEGACY')",
            "spark.sql.legacy.timeParserPolicy=LEGACY",
        ),
        ("df.write.bucketBy(4, 'a').saveAsTable('t')", "bucketBy()"),
        ("df.crosstab('a', 'b').show()", "crosstab()"),
        ("df.describe('a').show()", "describe()"),
        ("spark.table('t').summary().toPandas()", "summary()"),
        ("x = df.stat.corr('a', 'b')", "corr()"),
    ],
)
def test_what_only_shows_when_it_is_too_late_is_refused_at_once(line: str, feature: str) -> None:
    from awsglue._runtime.detect import refuse_what_needs_the_jvm
    from awsglue._runtime.failures import EngineRefused

    with pytest.raises(EngineRefused) as refused:
        refuse_what_needs_the_jvm(
            f"from pyspark.sql import functions as F\nfrom pyspark.sql.functions import *\n{line}\n"
        )
    assert (refused.value.feature, refused.value.detail) == (feature, "line 3")


def test_what_looks_alike_is_let_through() -> None:
    from awsglue._runtime.detect import refuse_what_needs_the_jvm

    refuse_what_needs_the_jvm(
        "print(pdf.describe().loc['mean'], numpy.cov(a, b), pdf.corr('pearson'))\n"
        "df.write.mode('overwrite').parquet(p)\nspark.conf.set('spark.sql.caseSensitive', 'false')\n"
        "print('percentile approx')\nspark.sql('insert overwrite table t select 1')\n"
    )
    # What other libraries and the script itself call so, and what is said to people.
    refuse_what_needs_the_jvm(
        '"""Weights by exp(-x)."""\nimport math\nfrom pyspark.sql import functions as F\n'
        "from pyspark.sql.functions import *\nfrom statistics import variance\n"
        "def initcap(text): return text.title()\n"
        "print(f'std(a) is {frame.a.std()}', 'in batch mode (full)', datetime.now().weekday())\n"
        "logger.info('exp(x)')\ndf.filter(F.col('a') > math.exp(2)).select(F.lit(initcap('b')))\n"
        "df.select(F.max('a'))\nvariance([1])\nraise ValueError('skewness(x) is not known')\nsaid = 'slice(s)'\n"
    )


def test_wrong_engine_is_said(tmp_path: Path) -> None:
    from awsglue._runtime.engine import installed

    other = "spark" if installed() == "sail" else "sail"
    _, result, out, _ = launch(tmp_path, "print('ran')", command="glueetl", engine=other)
    assert (result["state"], result["error_class"], out) == ("FAILED", "EngineMissing", "")


def test_glue_script_head(tmp_path: Path) -> None:
    code, result, out, err = launch(
        tmp_path,
        (
            "import sys\nfrom pyspark.context import SparkContext\n"
            "from pyspark.sql import SparkSession, functions as F\n"
            "from pyspark import SparkConf\n"
            "conf = SparkConf().set('spark.app.name', 'x').set('spark.sql.catalog.lake.warehouse', 's3://lake/')\n"
            "conf.set('spark.sql.extensions', 'org.example.NotThere')\n"
            "sc = SparkContext.getOrCreate(conf)\nsc.setLogLevel('ERROR')\n"
            "builder = SparkSession.builder.config('spark.sql.shuffle.partitions', '2')\n"
            "spark = builder.enableHiveSupport().getOrCreate()\n"
            "print(spark.conf.get('spark.sql.shuffle.partitions'), spark.sparkContext is not None, spark.version[:3])\n"
            "from awsglue._runtime.engine import STATE\nprint(STATE.conf['spark.sql.catalog.lake.warehouse'])\n"
            "print(spark.range(3).agg(F.sum('id')).collect()[0][0], isinstance(spark, SparkSession))\n"
        ),
        command="glueetl",
        arguments={"--conf": "spark.x=1 --conf spark.y=2"},
    )
    assert (code, result["state"]) == (0, "SUCCEEDED"), err
    import pyspark

    from awsglue._runtime.engine import installed

    shown = "3.5" if installed() == "sail" else pyspark.__version__[:3]
    assert out == f"2 True {shown}\ns3://lake/\n3 True\n"
    assert "org.example.NotThere" not in err
    assert result["engine"] in ("sail", "spark")


def test_schemas_are_json() -> None:
    for name in ("order", "result", "channel"):
        assert json.loads((SCHEMAS / f"{name}.v1.json").read_text())["$id"] == f"{name}.v1.json"


def test_functions_use_what_the_run_brought_along(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "brought.py").write_text("def shout(text):\n    return text.upper() + '!'\n")
    source = (
        "from pyspark.sql import SparkSession, functions as F\nfrom brought import shout\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        "df = spark.createDataFrame([('a',)], 's string').select(F.udf(shout)('s').alias('t'))\n"
        "print(df.collect()[0].t)\n"
    )
    code, result, out, _ = launch(
        tmp_path, source, command="glueetl", engine="auto", python_path=[str(tmp_path / "lib")]
    )
    assert (code, out) == (0, "A!\n"), result


def test_arguments_without_effect_are_named_in_the_error_log(tmp_path: Path) -> None:
    given = {"--enable-spark-ui": "true", "--executor-cores": "4", "--enable-data-lineage": "false"}
    code, _, _, err = launch(tmp_path, "pass", command="glueetl", engine="auto", arguments=given)
    assert code == 0
    assert [line.split(":")[1].strip() for line in err.splitlines() if line.startswith("mastic")] == [
        "--executor-cores has no effect",
        "--enable-spark-ui has no effect",
    ]


def test_errors_of_functions_come_without_the_workers_own_frames(tmp_path: Path) -> None:
    source = (
        "from pyspark.sql import SparkSession, functions as F\n"
        "def divide(x):\n    return 1 // x\n"
        "SparkSession.builder.getOrCreate().range(1).select(F.udf(divide, 'int')('id')).collect()\n"
    )
    code, result, _, _ = launch(tmp_path, source, command="glueetl", engine="auto")
    message = result["error_message"]
    assert (code, result["error_class"]) == (1, "PythonException")
    assert "line 3, in divide" in message
    assert "ZeroDivisionError" in message
    assert "/pyspark/" not in message


def test_hudi_needs_a_name_and_on_spark_its_jars(tmp_path: Path) -> None:
    from awsglue._runtime.engine import installed

    source = (
        "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()\n"
        f"spark.range(1).write.format('hudi').save('file://{tmp_path}/h')\n"
    )
    code, result, _, _ = launch(tmp_path, source, command="glueetl", engine="auto")
    assert code == 1
    expected = (
        "name them in --extra-jars"
        if installed() == "spark"
        else "HoodieException: 'hoodie.table.name' must be"
    )
    assert expected in result["error_message"]


def test_a_jvm_of_the_runs_own_has_temporary_keys_from_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from awsglue._runtime.classic.jvm import s3_settings

    keys = [f"spark.hadoop.fs.s3a.{name}" for name in ("access.key", "secret.key", "session.token")]
    given = ["ASIAEXAMPLE", "secret", "token"]
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    for name, value in zip(names, given, strict=True):
        monkeypatch.setenv(name, value)
    # The environment's provider gives the three together; the settings' one may be asked when it has none yet.
    assert [s3_settings(inherited=True)[key] for key in keys] == ["", "", ""]
    assert [s3_settings()[key] for key in keys] == given
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert [s3_settings(inherited=True).get(key) for key in keys] == [*given[:2], None]
