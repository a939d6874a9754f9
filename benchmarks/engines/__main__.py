"""TPC-H by spark.sql and an ETL job, side by side: the embedded engine, Apache Spark, DuckDB.

    python -m benchmarks.engines [scale] [--only duckdb,sail,spark] [--cases tpch,"etl dataframe","etl dynamic"]
        [--action collect|toPandas|show|count|write|noop] [--s3]

`--action` is what is done with the DataFrames of TPC-H's queries, `--s3` has the embedded engine read its tables from
a server of our own (DuckDB reads local files all the same).
Needs the runtimes (`make runtimes`) and the program `tpchgen-cli`, which makes the data. Each script runs in a process
of its own in the way a job does; seconds are those of the script's own work, memory is the process's peak, CPU-s are
the whole process's (without a JVM's, which outlives it). Last come the queries of TPC-H side by side, and what each
engine took for all of them as a multiple of what the first one took.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
RUNTIMES = Path(os.environ.get("MASTIC_RUNTIMES_DIR", ROOT / ".runtimes"))
BUCKET = "tpch"
CASES = ("tpch", "etl dataframe", "etl dynamic")
ENGINES = ("duckdb", "sail", "spark-3.5")
ACTIONS = ("collect", "toPandas", "show", "count", "write", "noop")
SPELT = {"spark": "spark-3.5"}
# Engine -> (pass, query) -> seconds
Times = dict[str, dict[tuple[int, int], float]]
DUCKDB_ETL = """
COPY (SELECT *, year(ship_date) AS year, month(ship_date) AS month FROM (
    SELECT DISTINCT ON (order_key, part_key) l_orderkey::bigint AS order_key, l_linenumber::int AS line_number,
        l_partkey::bigint AS part_key, l_quantity::double AS quantity, l_extendedprice::double AS price,
        l_discount::double AS discount, l_returnflag AS return_flag, l_shipdate::date AS ship_date,
        l_shipmode AS ship_mode
    FROM read_csv('{input}', header = true, all_varchar = true)
    WHERE l_quantity::double > 5 AND l_returnflag <> 'R'))
TO '{output}' (FORMAT parquet, PARTITION_BY (year, month), OVERWRITE true)
"""


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What is done with TPC-H's queries, and where their tables are (none: in local files)."""

    action: str
    environment: dict[str, str]


class _Server:
    """A server of our own with the tables in a bucket. Owns its process."""

    def __init__(self, folder: Path, data: Path) -> None:
        import re

        import boto3

        command = [sys.executable, "-m", "mastic", "up", "--data-dir", str(folder / "server"), "--port", "0"]
        said = folder / "server.log"
        with said.open("w") as file:
            self._process = subprocess.Popen(command, stderr=file)
        atexit.register(self.stop)
        found = None
        while found is None:
            assert self._process.poll() is None, said.read_text()
            time.sleep(0.1)
            found = re.search(r"Mastic is up at (http://\S+)", said.read_text())
        self.environment = {
            "AWS_ENDPOINT_URL": found[1],
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        client = boto3.client(
            "s3",
            endpoint_url=found[1],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket=BUCKET)
        for table in sorted((data / "parquet").glob("*.parquet")):
            client.upload_file(str(table), BUCKET, f"{table.stem}/{table.name}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def main() -> int:
    """Print the figures; 1 when a script failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("scale", nargs="?", default="1")
    parser.add_argument("--only", default=",".join(ENGINES))
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--data", help="a folder in which the data is, or is to stay")
    parser.add_argument("--action", default="collect", choices=ACTIONS)
    parser.add_argument("--s3", action="store_true")
    given = parser.parse_args()
    failed = False
    times: Times = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = Path(given.data or name)
        if not (data / "csv" / "lineitem.csv").exists():
            _generate(data, given.scale)
        server = _Server(folder, data) if given.s3 else None
        ways = Ways(action=given.action, environment=server.environment if server else {})
        for engine in [SPELT.get(name, name) for name in given.only.split(",")]:
            for case in given.cases.split(","):
                if engine == "duckdb" and case == "etl dynamic":
                    continue
                lines, memory, processor, error = _measure(engine, case, folder, data, ways)
                said = _said(lines)
                if case == "tpch":
                    times[engine] = {
                        (line["pass"], line["query"]): line["seconds"]
                        for line in lines
                        if "error" not in line
                    }
                failed = failed or bool(error)
                used = f"{processor:.1f} CPU-s, peak {memory / 1024:.1f} GB"
                print(f"{engine:10} {case:14} {said:34} {used}  {error}", flush=True)
        if server is not None:
            server.stop()
    _side_by_side(times)
    return 1 if failed else 0


def _side_by_side(times: Times) -> None:
    """Print the seconds of each query, first pass / second pass, and what all of them took."""
    if len(times) < 2:
        return
    keys = sorted(set.intersection(*(set(each) for each in times.values())))
    print("\nquery" + "".join(f"{engine:>18}" for engine in times))
    for query in sorted({query for _, query in keys}):
        taken = [" / ".join(f"{each[key]:.2f}" for key in keys if key[1] == query) for each in times.values()]
        print(f"{query:5}" + "".join(f"{text:>18}" for text in taken))
    totals = [
        [sum(each[key] for key in keys if key[0] == number) for number in sorted({at for at, _ in keys})]
        for each in times.values()
    ]
    for name, base in (("all", [1.0] * len(totals[0])), ("ratio", totals[0])):
        texts = [" / ".join(f"{a / b:.2f}" for a, b in zip(total, base, strict=True)) for total in totals]
        print(f"{name:5}" + "".join(f"{text:>18}" for text in texts))


def _generate(folder: Path, scale: str) -> None:
    for kind, more in (("parquet", []), ("csv", ["--tables=lineitem"])):
        command = ["tpchgen-cli", kind, "-s", scale, f"--output-dir={folder / kind}", *more]
        subprocess.run(command, check=True, capture_output=True)


def _measure(
    engine: str, case: str, folder: Path, data: Path, ways: Ways
) -> tuple[list[dict[str, Any]], float, float, str]:
    """(the script's lines, peak MB, seconds of processors from start to end, what went wrong)."""
    output = folder / "out"
    shutil.rmtree(output, ignore_errors=True)
    if engine == "duckdb":
        command, order = [sys.executable, __file__, "--duckdb", case, str(folder), str(data)], ""
    else:
        command = [str(RUNTIMES / engine / "bin" / "python"), "-m", "awsglue._runtime.launch"]
        order = json.dumps({"order": str(_order(case, folder, data, output, ways))}) + "\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "packages" / "awsglue")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    peak = [0.0]
    watch = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watch.start()
    text, _ = process.communicate(order)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if order:
        text = (folder / "stdout").read_text() + (folder / "stderr").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    wrong = [line["error"] for line in lines if "error" in line]
    if process.returncode:
        wrong.append(text[-500:])
    return lines, peak[0], processor, "; ".join(wrong)


def _said(lines: list[dict[str, Any]]) -> str:
    passes: dict[int, float] = {}
    for line in lines:
        if "error" not in line:
            passes[line.get("pass", 0)] = passes.get(line.get("pass", 0), 0.0) + line["seconds"]
    answered = sum("error" not in line for line in lines if line.get("pass", 0) == 0)
    return f"{answered} answered, " + " / ".join(f"{seconds:.1f} s" for seconds in passes.values())


def _order(case: str, folder: Path, data: Path, output: Path, ways: Ways) -> Path:
    name, _, layer = case.partition(" ")
    script = FOLDER / f"{name}_job.py"
    if name == "tpch":
        arguments = [
            "--data",
            f"s3://{BUCKET}" if ways.environment else str(data / "parquet"),
            "--action",
            ways.action,
            "--output",
            str(output),
            "--queries",
            str(FOLDER / "tpch.sql"),
            "--passes",
            "2",
        ]
    else:
        arguments = ["--input", str(data / "csv"), "--output", str(output), "--layer", layer]
    for stream in ("stdout", "stderr"):
        (folder / stream).write_text("")
    path = folder / "order.json"
    order = {
        "version": 1,
        "run_id": "jr_benchmark",
        "job_name": name,
        "command": "glueetl",
        "script": str(script),
        "argv": [str(script), "--JOB_NAME", name, *arguments],
        "env": {"AWS_REGION": "us-east-1", "MASTIC_SCRATCH_DIR": str(folder), **ways.environment},
        "cwd": str(folder),
        "stdout": str(folder / "stdout"),
        "stderr": str(folder / "stderr"),
        "result": str(folder / "result.json"),
        "engine": "auto",
        "cores": os.cpu_count(),
    }
    path.write_text(json.dumps(order))
    return path


def _watch(pid: int, peak: list[float]) -> None:
    """Keep the most memory (MB) that the process and its children have had at one time."""
    while True:
        total = 0.0
        for each in _family(pid):
            try:
                status = Path(f"/proc/{each}/status").read_text()
            except OSError:
                continue
            total += next(
                (int(line.split()[1]) / 1024 for line in status.splitlines() if line[:5] == "VmRSS"), 0.0
            )
        if not total:
            return
        peak[0] = max(peak[0], total)
        time.sleep(0.1)


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        try:
            found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
        except OSError:
            continue
    return found


def _duckdb(case: str, folder: Path, data: Path) -> None:
    import duckdb

    connection = duckdb.connect()
    if case == "tpch":
        for table in sorted((data / "parquet").glob("*.parquet")):
            connection.execute(f"CREATE VIEW {table.stem} AS FROM '{table}'")
        texts = [text for text in (FOLDER / "tpch.sql").read_text().split(";\n") if text.strip()]
        for number in range(2):
            for query, text in enumerate(texts, 1):
                began = time.perf_counter()
                rows = connection.execute(text).fetchall()
                said = {
                    "pass": number,
                    "query": query,
                    "seconds": time.perf_counter() - began,
                    "rows": len(rows),
                }
                print(json.dumps(said))
    else:
        began = time.perf_counter()
        text = DUCKDB_ETL.format(input=data / "csv" / "lineitem.csv", output=folder / "out")
        connection.execute(text)
        print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--duckdb"]:
        _duckdb(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        sys.exit(main())
