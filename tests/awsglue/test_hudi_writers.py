"""Hudi's writer at its edges: any order of operations, writers that meet, what must not be done silently."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WRITE = "hoodie.datasource.write."
ROW = "id bigint, region string, amount double, ts bigint"
Row = tuple[int, str, float, int]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "orders")


@pytest.fixture
def write(spark: Any, path: str) -> Callable[..., None]:
    def writing(*values: Row, mode: str = "append", **more: str) -> None:
        given = {
            "hoodie.table.name": "orders",
            WRITE + "recordkey.field": "id",
            WRITE + "precombine.field": "ts",
            WRITE + "partitionpath.field": "region",
        }
        given |= {name.replace("__", "."): value for name, value in more.items()}
        frame = spark.createDataFrame(list(values), ROW)
        frame.write.format("hudi").options(**given).mode(mode).save(path)

    return writing


def rows(spark: Any, path: str, **options: str) -> list[Row]:
    """The table's rows, as we read them; without options the `hudi` library must read the same."""
    import pyarrow as pa
    from hudi import HudiReadOptions, HudiTableBuilder

    names = ("id", "region", "amount", "ts")
    loaded = spark.read.format("hudi").options(**options).load(path).select(*names)
    found = sorted(tuple(row) for row in loaded.collect())
    if not options:
        table = HudiTableBuilder.from_base_uri(f"file://{path}").build()
        # Base files alone hold all rows: also of Merge-on-Read tables that we write.
        optimized = HudiReadOptions().with_hudi_option("hoodie.read.use.read_optimized.mode", "true")
        for batches in (table.read(), table.read(optimized)):
            said = [row for batch in batches for row in pa.record_batch(batch).to_pylist()]
            assert sorted(tuple(row[name] for name in names) for row in said) == found
    return found


def operation(name: str) -> dict[str, str]:
    if name == "insert_new":
        return {WRITE + "operation": "insert", WRITE + "insert.drop.duplicates": "true"}
    return {WRITE + "operation": name}


def expected(here: dict[tuple[int, str], Row], name: str, given: list[Row]) -> dict[tuple[int, str], Row]:
    """What a table of these rows holds after an operation."""
    coming: dict[tuple[int, str], Row] = {}
    for row in given:
        known = coming.get(row[:2])
        if known is None or row[3] >= known[3]:
            coming[row[:2]] = row
    partitions = {row[1] for row in given}
    rest = {key: row for key, row in here.items() if key[1] not in partitions}
    return {
        "upsert": {**here, **coming},
        "insert_new": {**coming, **here},
        "delete": {key: row for key, row in here.items() if key not in coming},
        "insert_overwrite": {**rest, **coming},
        "insert_overwrite_table": coming,
        "delete_partition": rest,
        "overwrite": coming,
    }[name]


@pytest.mark.parametrize(
    ("seed", "kind"),
    [*((seed, "COPY_ON_WRITE") for seed in range(4)), (4, "MERGE_ON_READ"), (5, "MERGE_ON_READ")],
)
def test_any_order_of_operations(
    spark: Any, path: str, write: Callable[..., None], seed: int, kind: str
) -> None:
    from awsglue._runtime.hudi import lake
    from awsglue._runtime.io.storage import Storage

    chance = random.Random(seed)
    names = ["upsert", "insert_new", "delete", "insert_overwrite", "insert_overwrite_table"]
    names += ["delete_partition", "overwrite"]
    here: dict[tuple[int, str], Row] = {}
    states = []
    for name in ["upsert", *chance.choices(names, weights=(5, 2, 2, 2, 1, 1, 1), k=6)]:
        given = [
            (chance.randrange(6), chance.choice(("eu", "us", "ap")), float(number), chance.randrange(4))
            for number in range(chance.randrange(1, 6))
        ]
        again = name == "overwrite"
        more = {**operation("upsert" if again else name), WRITE + "table.type": kind}
        if not again:
            more["hoodie.combine.before.insert"] = "true"
        write(*given, mode="overwrite" if again else "append", **more)
        here = expected(here, name, given)
        states = [] if again else states
        states.append(sorted(here.values()))
        assert rows(spark, path) == states[-1]
    done = lake.opened(Storage(), path).timeline.completed()
    times = [one.time for one in done]
    actions = {"replacecommit", "commit" if kind == "COPY_ON_WRITE" else "deltacommit"}
    assert {one.action for one in done} <= actions
    assert lake.opened(Storage(), path).config.type == kind
    assert [rows(spark, path, **{"as.of.instant": one}) for one in times] == states


def test_deleting_with_another_mode_deletes_no_table(
    spark: Any, path: str, write: Callable[..., None]
) -> None:
    from awsglue._runtime.hudi.errors import HoodieException

    write((1, "eu", 1.0, 1), (2, "eu", 2.0, 1))
    for mode in ("overwrite", "error", "ignore"):
        with pytest.raises(HoodieException, match="Append is the only save mode"):
            write((1, "eu", 1.0, 1), mode=mode, **operation("delete"))
    assert len(rows(spark, path)) == 2


def test_partitions_are_folders_of_the_table(spark: Any, path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.hudi.errors import HoodieException

    write((1, "a/b", 1.0, 1), (2, "..x", 2.0, 1))
    for value in ("..", "../x", "a/./b", "/x", "a//b", "x/", ".hoodie", ".hoodie/x"):
        with pytest.raises(HoodieException, match="cannot be a partition path"):
            write((1, value, 9.0, 1))
    write((1, "a/b", 1.5, 1))
    assert rows(spark, path) == [(1, "a/b", 1.5, 1), (2, "..x", 2.0, 1)]
    assert [one.name for one in Path(path).parent.iterdir()] == ["orders"]


def test_options_that_would_be_passed_over_are_refused(path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.failures import EngineRefused

    for name, value in (
        ("hoodie.payload.ordering.field", "amount"),
        ("hoodie.table.version", "8"),
        ("hoodie.datasource.hive_sync.omit_metadata_fields", "true"),
        ("hoodie.datasource.hive_sync.serde_properties", "a=b"),
    ):
        with pytest.raises(EngineRefused, match=name):
            write((1, "eu", 1.0, 1), **{name: value})
    assert not Path(path).exists()


def test_a_first_write_that_fails_leaves_nothing(path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.failures import EngineRefused
    from awsglue._runtime.hudi.errors import HoodieException

    for name, value, kind in (
        ("hoodie.parquet.max.file.size", "0", HoodieException),
        ("hoodie.parquet.small.file.limit", "many", HoodieException),
        ("hoodie.parquet.compression.codec", "squash", EngineRefused),
        (WRITE + "precombine.field", "none", HoodieException),
        (WRITE + "recordkey.field", "amount", EngineRefused),
    ):
        with pytest.raises(kind):
            write((1, "eu", 1.0, 1), **{name: value})
    assert not Path(path).exists()


def test_queries_that_would_give_other_rows_are_refused(
    spark: Any, path: str, write: Callable[..., None]
) -> None:
    from awsglue._runtime.failures import EngineRefused

    write((1, "eu", 1.0, 1))
    for name, value in (
        ("hoodie.datasource.query.incremental.format", "cdc"),
        ("hoodie.datasource.merge.type", "skip_merge"),
        ("hoodie.datasource.read.incr.path.glob", "eu/*"),
        ("hoodie.datasource.read.paths", "eu"),
    ):
        with pytest.raises(EngineRefused, match=name):
            rows(spark, path, **{name: value})
    assert rows(spark, path, **{"hoodie.datasource.merge.type": "payload_combine"}) == [(1, "eu", 1.0, 1)]


def test_keys_that_were_made_otherwise_are_not_added_to(
    spark: Any, path: str, write: Callable[..., None]
) -> None:
    from awsglue._runtime.hudi.errors import HoodieException

    write((1, "eu", 1.0, 1))
    settings = Path(path, ".hoodie", "hoodie.properties")
    settings.write_text(settings.read_text().replace("partitioning=false", "partitioning=true"))
    for name in ("upsert", "insert", "bulk_insert", "insert_overwrite"):
        with pytest.raises(HoodieException, match="made otherwise"):
            write((2, "us", 2.0, 1), **operation(name))
    assert rows(spark, path) == [(1, "eu", 1.0, 1)]


def test_a_writer_notices_that_the_table_was_made_anew(
    spark: Any, path: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from awsglue._runtime.hudi import files
    from awsglue._runtime.io.storage import Storage

    written, times = files.write, []

    def meanwhile(*given: Any, **more: Any) -> Any:
        stats = written(*given, **more)
        if not times:
            # As another writer's overwrite does, up to its own first commit.
            settings = Path(path, ".hoodie", "hoodie.properties").read_bytes()
            Storage().delete_folder(path)
            Storage().put(f"{path}/.hoodie/hoodie.properties", settings)
        times.append(given[3])
        return stats

    monkeypatch.setattr(files, "write", meanwhile)
    write((1, "eu", 1.0, 1))
    assert len(times) == 2
    assert rows(spark, path) == [(1, "eu", 1.0, 1)]


def test_an_overwrite_that_is_killed_leaves_no_half_of_a_table(
    spark: Any, path: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from awsglue._runtime.hudi.errors import HoodieException, TableNotFoundException
    from awsglue._runtime.io.storage import Storage

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    write((1, "eu", 1.0, 1))
    with monkeypatch.context() as patched:
        patched.setattr(Storage, "delete_folder", die)
        with pytest.raises(Killed):
            write((2, "eu", 2.0, 1), mode="overwrite")
    with pytest.raises(TableNotFoundException):
        rows(spark, path)
    with pytest.raises(HoodieException, match="left of another"):
        write((2, "eu", 2.0, 1))
    write((2, "eu", 2.0, 1), mode="overwrite")
    assert rows(spark, path) == [(2, "eu", 2.0, 1)]


def test_what_was_rolled_back_is_not_brought_back(spark: Any, path: str, write: Callable[..., None]) -> None:
    from awsglue._runtime.hudi import lake
    from awsglue._runtime.io.storage import Storage

    write((1, "eu", 1.0, 1))
    write((2, "us", 2.0, 1))
    # As Hudi's own tools roll a commit back: its files go, and its place in the timeline.
    last = lake.opened(Storage(), path).timeline.completed()[-1].time
    for one in Path(path).rglob(f"*{last}*"):
        one.unlink()
    write((3, "eu", 3.0, 1))
    assert rows(spark, path) == [(1, "eu", 1.0, 1), (3, "eu", 3.0, 1)]
    assert last not in {one.time for one in lake.opened(Storage(), path).timeline.instants()}


def test_writers_of_one_millisecond_have_instants_of_their_own(
    path: str, write: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from awsglue._runtime.hudi import timeline
    from awsglue._runtime.io.storage import Storage

    write((1, "eu", 1.0, 1))
    own = timeline.Timeline(Storage(), path)
    monkeypatch.setattr(timeline, "_stamp", lambda: "20200101000000000")
    # Neither sees the other's mark before it makes its own.
    monkeypatch.setattr(timeline.Timeline, "instants", lambda self: [])
    first, second = own.begin("commit"), own.begin("replacecommit")
    assert first.instant < second.instant
    assert not Path(path, ".hoodie", f"{first.instant}.replacecommit.inflight").exists()
