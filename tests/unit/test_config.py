"""Settings: where they come from, what they are made into, which contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from mastic.config import load
from mastic.errors import Refused


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mastic.toml but the test's own."""
    monkeypatch.chdir(tmp_path)


def test_the_environment_comes_before_the_file() -> None:
    Path("mastic.toml").write_text('port = 1\nlost_host_seconds = 5\nobjects_dir = "/from/file"\n')
    found = load(
        environ={"MASTIC_PORT": "2", "MASTIC_OBJECTS_DIR": "shared", "MASTIC_LOST_HOST_SECONDS": "1.5"}
    )
    assert (found.port, found.lost_host_seconds) == (2, 1.5)
    assert found.objects_dir == Path.cwd() / "shared"
    assert load({"port": 3}, environ={"MASTIC_PORT": "2"}).port == 3


def test_objects_are_with_the_server_unless_they_are_shared() -> None:
    alone = load(environ={"MASTIC_DATA_DIR": "/d"})
    assert (alone.objects_place, alone.shares_objects) == (Path("/d/objects"), False)
    moved = load(environ={"MASTIC_OBJECTS_DIR": "/o"})
    assert (moved.objects_place, moved.shares_objects) == (Path("/o"), False)  # SQLite has one server
    environ = {"MASTIC_OBJECTS_DIR": "/o", "MASTIC_DATABASE_URL": "postgresql+psycopg://u@h/d"}
    assert load(environ=environ).shares_objects


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('objects_dir = "/o"\n[endpoints]\ns3 = "http://h"\n', "exclude each other"),
        ('host = "0.0.0.0"\n', "configure access keys"),
        ('default_engine = "fast"\n', "use auto, sail or spark"),
        ("max_concurrent_job_runs = -1\n", "use 0 for any number"),
        ("prot = 1\n", "there is no setting 'prot'"),
        ('port = "x"\n', "setting port"),
        ('lost_host_seconds = "soon"\n', "setting lost_host_seconds"),
        ("port = \n", "mastic.toml"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    Path("mastic.toml").write_text(text)
    with pytest.raises(Refused, match=reason):
        load(environ={})


def test_a_file_that_is_named_has_to_be_there() -> None:
    with pytest.raises(Refused, match="does not exist"):
        load(environ={"MASTIC_CONFIG": "nowhere.toml"})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"MASTIC_SPARK_MASTER": "sc://host:15002"}, "a Spark Connect server is served for Spark 4.1"),
        ({"MASTIC_SPARK_4_MASTER": "sc://10.0.0.1/;token=t"}, "Set runs_dir"),
        ({"MASTIC_SPARK_4_MASTER": "sc://"}, "use sc://host:port"),
        ({"MASTIC_SPARK_4_MASTER": "sc://:15002"}, "use sc://host:port"),
        ({"MASTIC_SPARK_4_MASTER": "sc://localhost/path"}, "use sc://host:port"),
        ({"MASTIC_SPARK_4_MASTER": "sc://localhost:many"}, "Port could not be cast"),
        ({"MASTIC_SPARK_4_MASTER": "sc://localhost:123456"}, "Port out of range"),
        ({"MASTIC_RAY_ADDRESS": "ray://host:10001"}, "Ray's client"),
        ({"MASTIC_SPARK_4_MASTER": "mesos://host"}, "use spark://host:port, yarn or k8s://"),
        ({"MASTIC_SPARK_MASTER": "spark://10.0.0.1:7077"}, "Set runs_dir"),
        ({"MASTIC_SPARK_MASTER": "spark://127.0.0.1:7077,10.0.0.1:7077"}, "Set runs_dir"),
        ({"MASTIC_SPARK_4_MASTER": "yarn"}, "Set runs_dir"),
    ],
)
def test_clusters_that_cannot_work(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        load(environ=settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"MASTIC_SPARK_MASTER": "spark://127.0.0.1:7077"},
        {"MASTIC_SPARK_MASTER": "spark://localhost:7077,[::1]:7077"},
        {"MASTIC_SPARK_MASTER": "k8s://https://10.0.0.1:6443", "MASTIC_RUNS_DIR": "/mnt/runs"},
        {"MASTIC_SPARK_4_MASTER": "local[4]"},
        {"MASTIC_SPARK_4_MASTER": "sc://localhost"},
        {"MASTIC_SPARK_4_MASTER": "sc://[::1]:15002/;use_ssl=true"},
        {"MASTIC_SPARK_4_MASTER": "sc://10.0.0.1:15002", "MASTIC_RUNS_DIR": "/mnt/runs"},
    ],
)
def test_clusters_that_can(settings: dict[str, str]) -> None:
    load(environ=settings)


@pytest.mark.parametrize(
    "master",
    [
        "sc://localhost;token=hunter2",
        "sc://localhost/;token=hunter2==",
        "sc://localhost/;use_ssl;token=hunter2",
    ],
)
def test_a_connect_server_s_token_is_not_in_what_is_said_of_it(master: str) -> None:
    with pytest.raises(Refused, match="/;name=value;name=value") as refused:
        load(environ={"MASTIC_SPARK_4_MASTER": master})
    assert "hunter2" not in str(refused.value)


def test_settings_of_spark_are_a_table(tmp_path: Path) -> None:
    file = tmp_path / "mastic.toml"
    file.write_text('[spark_conf]\n"spark.executor.memory" = "4g"\n')
    assert load(environ={"MASTIC_CONFIG": str(file)}).spark_conf == {"spark.executor.memory": "4g"}


def test_secrets_are_not_in_what_is_said_of_them() -> None:
    Path("mastic.toml").write_text(
        '[[access_keys]]\naccess_key_id = "AK"\nsecret_access_key = "hunter2"\nrole = "x"\n'
    )
    with pytest.raises(Refused, match="access_keys") as refused:
        load(environ={})
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__
