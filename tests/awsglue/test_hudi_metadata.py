"""Hudi tables with a metadata table, as Hudi's own writer makes them: what happens when rows are written without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WRITE = "hoodie.datasource.write."
PARTITIONS = "hoodie.table.metadata.partitions"
ENABLE = "hoodie.metadata.enable"
ROW = "id bigint, region string, amount double, ts bigint"
Row = tuple[int, str, float, int]


@pytest.fixture(params=["disk", "s3"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "disk":
        return str(tmp_path / "orders")
    return f"s3://{request.getfixturevalue('bucket')}/lake/orders"


@pytest.fixture
def write(spark: Any, path: str) -> Callable[..., None]:
    def writing(*values: Row, schema: str = ROW, **more: str) -> None:
        given = {
            "hoodie.table.name": "orders",
            WRITE + "recordkey.field": "id",
            WRITE + "precombine.field": "ts",
            WRITE + "partitionpath.field": "region",
        }
        given |= {name.replace("__", "."): value for name, value in more.items()}
        frame = spark.createDataFrame(list(values), schema)
        frame.write.format("hudi").options(**given).mode("append").save(path)

    return writing


def rows(spark: Any, path: str) -> list[Row]:
    """The table's rows, as the `hudi` library and we read them."""
    import pyarrow as pa
    from hudi import HudiTableBuilder

    from awsglue._runtime.hudi import lake

    names = ("id", "region", "amount", "ts")
    found = sorted(tuple(row) for row in spark.read.format("hudi").load(path).select(*names).collect())
    builder = HudiTableBuilder.from_base_uri(lake.uri(path)).with_storage_options(lake.storage_options(path))
    said = [row for batch in builder.build().read() for row in pa.record_batch(batch).to_pylist()]
    assert sorted(tuple(row[name] for name in names) for row in said) == found
    return found


def settings(path: str) -> dict[str, str]:
    from awsglue._runtime.hudi import lake
    from awsglue._runtime.io.storage import Storage

    return lake.opened(Storage(), path).config.entries


def give(path: str) -> list[str]:
    """Give a table a metadata table as Hudi 0.15 lays it out; its files."""
    from awsglue._runtime.io.storage import Storage

    storage, place = Storage(), f"{path}/.hoodie/hoodie.properties"
    kept = [line for line in storage.read(place).decode().splitlines() if not line.startswith(PARTITIONS)]
    storage.put(place, "\n".join([*kept, f"{PARTITIONS}=column_stats,files", ""]).encode())
    folder, instant = f"{path}/.hoodie/metadata", "00000000000000010"
    made = [
        f"{folder}/.hoodie/hoodie.properties",
        f"{folder}/.hoodie/{instant}.deltacommit",
        f"{folder}/files/.hoodie_partition_metadata",
        f"{folder}/files/.files-0000-0_{instant}.log.1_0-0-0",
        f"{folder}/files/files-0000-0_0-4-4_{instant}.hfile",
        f"{folder}/column_stats/col-stats-0000-0_0-5-5_{instant}.hfile",
    ]
    for one in made:
        storage.put(one, b"not to be read")
    return made


def here(files: list[str]) -> list[str]:
    from awsglue._runtime.io.storage import Storage

    return [one for one in files if Storage().head(one)]


def test_it_is_turned_off_by_what_is_written_without_it(
    spark: Any, path: str, write: Callable[..., None], capfd: pytest.CaptureFixture[str]
) -> None:
    from awsglue._runtime.failures import EngineRefused
    from awsglue._runtime.hudi.errors import SchemaCompatibilityException
    from awsglue._runtime.io.storage import Storage

    folder = f"{path}/.hoodie/metadata"
    write((1, "eu", 1.0, 1), (2, "us", 2.0, 1))
    former, made = settings(path), give(path)
    assert rows(spark, path) == [(1, "eu", 1.0, 1), (2, "us", 2.0, 1)]
    # Who wants it kept, and whose write fails, leaves it.
    with pytest.raises(EngineRefused, match=f"{ENABLE}=true"):
        write((1, "eu", 9.0, 1), **{ENABLE: "true"})
    with pytest.raises(SchemaCompatibilityException):
        write((1, "eu", 1), schema="id bigint, region string, ts bigint")
    assert here(made) == made
    write((1, "eu", 1.5, 2), **{ENABLE: "false"})
    assert "was turned off" not in capfd.readouterr().err
    assert settings(path) == {**former, PARTITIONS: ""}
    assert not Storage().folder_exists(folder)
    assert rows(spark, path) == [(1, "eu", 1.5, 2), (2, "us", 2.0, 1)]
    give(path)
    write((2, "us", 0.0, 3), **{WRITE + "operation": "delete"})
    assert f"the metadata table of {path} was turned off" in capfd.readouterr().err
    assert not Storage().folder_exists(folder)
    assert rows(spark, path) == [(1, "eu", 1.5, 2)]
    # One that the table does not name is somebody else's: it may be in the making.
    Storage().put(f"{folder}/files/files-0000-0_0-4-4_00000000000000010.hfile", b"not to be read")
    write((3, "ap", 3.0, 1))
    assert Storage().folder_exists(folder)
    assert len(rows(spark, path)) == 2


@pytest.mark.parametrize("at", ["swap", "delete", "decide"])
def test_a_writer_that_is_killed_hides_nothing(
    spark: Any, path: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    from awsglue._runtime.hudi.timeline import Timeline
    from awsglue._runtime.io.storage import Storage

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    write((1, "eu", 1.0, 1))
    made = give(path)
    with monkeypatch.context() as patched:
        owner, name = (Timeline, "commit") if at == "decide" else (Storage, at)
        patched.setattr(owner, name, die)
        patched.setattr(Timeline, "roll_back", lambda *_: None)
        with pytest.raises(Killed):
            write((1, "eu", 9.0, 1))
    # As long as it is named all of it is there, and nothing has been committed.
    left = {"swap": ("column_stats,files", made), "delete": ("", made), "decide": ("", [])}
    assert (settings(path)[PARTITIONS], here(made)) == left[at]
    assert rows(spark, path) == [(1, "eu", 1.0, 1)]
    write((2, "us", 2.0, 1))
    assert not settings(path)[PARTITIONS]
    assert rows(spark, path) == [(1, "eu", 1.0, 1), (2, "us", 2.0, 1)]


def test_a_file_is_changed_only_by_who_knows_what_it_holds(path: str) -> None:
    from awsglue._runtime.io.storage import Storage

    storage, place = Storage(), f"{path}/settings"
    assert not storage.swap(place, b"a", b"b")
    storage.put(place, b"a")
    assert not storage.swap(place, b"b", b"c")
    assert storage.swap(place, b"a", b"b")
    assert storage.read(place) == b"b"
    assert [one.name for one in storage.entries(path)] == ["settings"]
