"""Where Spark's event logs go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mastic.errors import ServiceError
from mastic.executors.base import RunDirectory
from mastic.glue.jobs import spark_ui
from mastic.glue.jobs.engines import Unprepared
from mastic.loops import event_logs

PATH = {"--spark-event-logs-path": "s3://logs/spark/"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, False),
        (PATH, False),
        ({"--enable-spark-ui": "true"}, False),
        ({"--enable-spark-ui": "true", **PATH}, True),
        ({"--enable-spark-ui": "false", **PATH}, False),
        ({"--enable-spark-ui-legacy-path": "true", **PATH}, True),
    ],
)
def test_who_wants_event_logs(arguments: dict[str, str], expected: bool) -> None:
    assert spark_ui.wanted(arguments) is expected


@pytest.mark.parametrize("path", ["logs/spark", "s3://", "file:///tmp/logs"])
def test_a_place_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(Unprepared, match="is not an S3 path"):
        spark_ui.wanted({"--enable-spark-ui": "true", "--spark-event-logs-path": path})


@pytest.mark.parametrize(
    ("arguments", "prefixes"),
    [
        ({"--enable-spark-ui": "true"}, ["spark/jr_1/"]),
        ({"--enable-spark-ui-legacy-path": "true"}, ["spark/"]),
        ({"--enable-spark-ui": "true", "--enable-spark-ui-legacy-path": "true"}, ["spark/jr_1/", "spark/"]),
    ],
)
def test_places(arguments: dict[str, str], prefixes: list[str]) -> None:
    assert spark_ui.places({**arguments, **PATH}, "jr_1") == ("logs", prefixes)
    root = {**arguments, "--spark-event-logs-path": "s3://logs"}
    assert spark_ui.places(root, "jr_1") == ("logs", [one.removeprefix("spark/") for one in prefixes])


@dataclass(kw_only=True)
class _Run:
    plan: dict[str, Any]
    id: str = "jr_1"


class _Bucket:
    """What is put, unless the bucket is missing."""

    def __init__(self, missing: bool = False) -> None:
        self.missing = missing
        self.stored: dict[str, tuple[str, Any]] = {}

    def put(self, bucket: str, key: str, data: Path, *, encryption: Any = None) -> None:
        if self.missing:
            raise ServiceError("NoSuchBucket", "The specified bucket does not exist")
        self.stored[f"{bucket}/{key}"] = (data.read_text(), encryption)


def _told(tmp_path: Path, bucket: _Bucket, **plan: Any) -> list[str]:
    run = _Run(plan={"Arguments": {"--enable-spark-ui": "true", **PATH}, **plan})
    return list(event_logs.store(run, RunDirectory(path=tmp_path), bucket))  # type: ignore[arg-type]


def test_logs_are_stored_under_glue_s_names(tmp_path: Path) -> None:
    folder = tmp_path / "event-logs"
    rolled = folder / "eventlog_v2_local-3"
    rolled.mkdir(parents=True)
    (folder / "local-1").write_text("whole")
    (folder / "local-2.inprogress").write_text("cut off")
    (folder / "app-20261122-0001").write_text("a cluster's")
    (folder / ".local-1.crc").write_text("not one")
    (rolled / "events_1_local-3").write_text("rolled")
    (rolled / "appstatus_local-3").touch()
    bucket, key = _Bucket(), {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "k"}
    assert _told(tmp_path, bucket, Encryption={"S3": key}) == []
    assert bucket.stored == {
        "logs/spark/jr_1/spark-application-1": ("whole", key),
        "logs/spark/jr_1/spark-application-2.inprogress": ("cut off", key),
        "logs/spark/jr_1/app-20261122-0001": ("a cluster's", key),
        "logs/spark/jr_1/eventlog_v2_local-3/events_1_local-3": ("rolled", key),
        "logs/spark/jr_1/eventlog_v2_local-3/appstatus_local-3": ("", key),
    }


def test_what_is_not_stored_is_said(tmp_path: Path) -> None:
    assert _told(tmp_path, _Bucket()) == []  # nobody has asked
    folder = tmp_path / "event-logs"
    folder.mkdir()
    assert "has not come to use Spark" in _told(tmp_path, _Bucket())[0]
    (folder / "local-1").write_text("whole")
    (line,) = _told(tmp_path, _Bucket(missing=True))
    assert "could not be stored at s3://logs/spark/jr_1/spark-application-1: The specified bucket" in line


def test_what_cannot_be_read_does_not_keep_a_run_from_its_end(tmp_path: Path) -> None:
    folder = tmp_path / "event-logs"
    folder.mkdir()
    (folder / "local-1").write_bytes(b"\xff")
    (folder / "local-2").symlink_to(__file__)

    class _Broken(_Bucket):
        def put(self, bucket: str, key: str, data: Path, *, encryption: Any = None) -> None:
            raise OSError(5, "Input/output error")

    (line,) = _told(tmp_path, _Broken())
    assert line.endswith("spark/jr_1/spark-application-1: [Errno 5] Input/output error")
