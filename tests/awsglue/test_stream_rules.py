"""What streams are told and how they decide: settings, positions, checkpoints; no broker is needed."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awsglue import gluetypes as g
from awsglue._runtime.engine import scratch_directory
from awsglue._sinks.streams import with_producer
from awsglue._streams import kafka_settings as settings
from awsglue._streams.aggregation import MAGIC, unpacked
from awsglue._streams.checkpoint import Checkpoint, ConcurrentCheckpoint
from awsglue._streams.driver import MicroBatches
from awsglue._streams.kafka_source import _shared, topics_of
from awsglue._streams.layouts import avro_columns, layout_of, parse_schema
from awsglue._streams.records import CheckpointMetadataNotFound, Range, Record
from awsglue._streams.times import milliseconds_of, seconds_of

STREAM = {"type": "kafka", "topics": "t"}


def test_intervals_and_moments():
    texts = (
        "100 seconds",
        "1 second",
        "5 minutes",
        "200 milliseconds",
        "2 hours",
        "10",
        "interval 3 seconds",
        "1 Min",
    )
    assert [seconds_of(text) for text in texts] == [100, 1, 300, 0.2, 7200, 10, 3, 60]
    for wrong in ("", "soon", "10 fortnights", "-1 second"):
        with pytest.raises(ValueError, match="interval"):
            seconds_of(wrong)
    assert milliseconds_of("1970-01-01T00:00:01Z") == 1000
    assert milliseconds_of("2023-04-04T08:00:00-04:00") == milliseconds_of("2023-04-04T12:00:00+00:00")


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("ab"), st.integers(0, 5)),
        st.tuples(st.integers(0, 10**12), st.integers(0, 10**9)),
        max_size=8,
    ),
    st.integers(0, 10**6),
)
def test_shares_of_a_batch(places, limit):
    start = {place: at for place, (at, _) in places.items()}
    latest = {place: at + more for place, (at, more) in places.items()}
    end = _shared(start, latest, limit)
    assert set(end) == set(start)
    assert all(start[place] <= end[place] <= latest[place] for place in start)
    # Whoever has something waiting moves on, so no partition waits for ever.
    assert all(end[place] > start[place] for place in start if latest[place] > start[place])
    taken = sum(end[place] - start[place] for place in start)
    if limit:
        assert taken <= max(limit, 0) + len(start)
    else:
        assert end == latest


def test_settings_of_options():
    found = settings.of_options(
        {
            "bootstrap.servers": "b:1",
            "security.protocol": "sasl_ssl",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": 'org.apache.kafka.common.security.scram.ScramLoginModule required username="u" '
            'password="p\\"q";',
            "ssl.endpoint.identification.algorithm": "",
            "max.poll.records": "5",
        }
    )
    assert found == {
        "bootstrap.servers": "b:1",
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": 'p"q',
        "ssl.endpoint.identification.algorithm": "none",
    }
    for wrong, kind in (
        ({"security.protocol": "TLS"}, ValueError),
        ({"enable.auto.commit": "true"}, ValueError),
        ({"sasl.mechanism": "GSSAPI"}, NotImplementedError),
        ({"sasl.jaas.config": "com.sun.security.auth.module.Krb5LoginModule required;"}, NotImplementedError),
    ):
        with pytest.raises(kind):
            settings.of_options(wrong)


def test_stores(tmp_path):
    pem = tmp_path / "ca.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    p12 = tmp_path / "client.p12"
    p12.write_bytes(b"\x30\x82 not a real one")
    given_ = {
        "ssl.truststore.location": str(pem),
        "ssl.keystore.location": str(p12),
        "ssl.keystore.password": "x",
    }
    found = settings.of_options(given_)
    assert found["ssl.ca.pem"] == pem.read_text()
    with open(found["ssl.keystore.location"], "rb") as file:
        assert file.read() == p12.read_bytes()
    # A stream that writes a batch a minute does not leave a file a minute.
    assert settings.of_options(given_)["ssl.keystore.location"] == found["ssl.keystore.location"]
    assert os.path.dirname(found["ssl.keystore.location"]) == scratch_directory()
    os.unlink(found["ssl.keystore.location"])
    p12.write_bytes(b"\xfe\xed\xfe\xed\x00\x00")
    for name in ("ssl.keystore.location", "ssl.truststore.location"):
        with pytest.raises(NotImplementedError):
            settings.of_options({name: str(p12)})


def test_settings_of_connections(tmp_path):
    pem = tmp_path / "ca.pem"
    pem.write_text("-----BEGIN CERTIFICATE-----\nx\n")
    base = {"KAFKA_BOOTSTRAP_SERVERS": "a:1,b:2"}
    protocols = {
        ("true", ""): "SSL",
        ("false", ""): "PLAINTEXT",
        ("true", "PLAIN"): "SASL_SSL",
        ("false", "SCRAM-SHA-512"): "SASL_PLAINTEXT",
    }
    for (encrypted, mechanism), protocol in protocols.items():
        kind = "PLAIN" if mechanism == "PLAIN" else "SCRAM"
        login = {f"KAFKA_SASL_{kind}_USERNAME": "u", f"KAFKA_SASL_{kind}_PASSWORD": "p"} if mechanism else {}
        more = {
            "KAFKA_SSL_ENABLED": encrypted,
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_CUSTOM_CERT": str(pem),
        }
        found = settings.of_connection({**base, **more, **login})
        assert found["security.protocol"] == protocol
        assert found["bootstrap.servers"] == "a:1,b:2"
        assert found.get("sasl.username") == ("u" if mechanism else None)
        assert ("ssl.ca.pem" in found) == (encrypted == "true")
    with pytest.raises(NotImplementedError, match="AWS_MSK_IAM"):
        settings.of_connection({**base, "KAFKA_SASL_MECHANISM": "AWS_MSK_IAM"})
    with pytest.raises(ValueError, match="USERNAME"):
        settings.of_connection({**base, "KAFKA_SASL_MECHANISM": "PLAIN"})


def test_the_client_takes_the_settings(tmp_path):
    """Every setting that is made here is one that the client knows: a wrong name would fail at once."""
    kafka = pytest.importorskip("confluent_kafka")
    found = settings.of_options(
        {
            "bootstrap.servers": "127.0.0.1:1",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.jaas.config": "x.PlainLoginModule required username='u' password='p';",
            "ssl.endpoint.identification.algorithm": "",
            "request.timeout.ms": "1000",
        }
    )
    kafka.Producer(found)
    java = {"acks": "1", "max.request.size": "2000000", "fetch.max.wait.ms": "100", "linger.ms": "5"}
    with_producer(
        {f"kafka.{key}": value for key, value in {"bootstrap.servers": "127.0.0.1:1", **java}.items()},
        iter(()),
    )


def _varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _packed(records):
    """As the Kinesis Producer Library packs them."""
    keys = list(dict.fromkeys(key for key, _ in records))

    def field(number, content):
        return _varint(number << 3 | 2) + _varint(len(content)) + content

    body = b"".join(field(1, key.encode()) for key in keys)
    for key, data in records:
        body += field(3, b"\x08" + _varint(keys.index(key)) + field(3, data))
    return MAGIC + body + hashlib.md5(body).digest()


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.binary(max_size=300)), min_size=1, max_size=8))
def test_packed_records(records):
    assert unpacked("outer", _packed(records)) == records


@given(st.binary(max_size=60))
def test_what_only_looks_packed_stays_as_it_is(rest):
    assert unpacked("k", MAGIC + rest) == [("k", MAGIC + rest)]
    body = MAGIC + rest + hashlib.md5(rest).digest()
    found = unpacked("k", body)
    assert found == [("k", body)] or all(isinstance(data, bytes) for _, data in found)


def test_topics():
    assert topics_of({"topicName": "a, b"}).names == ("a", "b")
    assert topics_of({"assign": '{"a": [1, 0]}'}).assigned == (("a", 1), ("a", 0))
    for wrong in ({}, {"topicName": "a", "subscribePattern": "b"}, {"assign": "[1]"}):
        with pytest.raises(ValueError, match=r"topicName|assign"):
            topics_of(wrong)


def test_layouts():
    schema = parse_schema("`a b` INT, c STRUCT<d: ARRAY<STRING>>, e DECIMAL(10,2)")
    assert [field.name for field in schema.fields] == ["a b", "c", "e"]
    assert isinstance(schema.fields[2].dataType, g.DecimalType)
    inferred = layout_of("kinesis", {"classification": "json", "inferSchema": "true"}, None)
    assert [field.name for field in inferred.columns().fields] == ["$json$data_infer_schema$_temporary$"]
    nested = avro_columns(
        {
            "type": "record",
            "name": "r",
            "fields": [
                {"name": "a", "type": ["null", {"type": "array", "items": "int"}]},
                {
                    "name": "b",
                    "type": {"type": "record", "name": "inner", "fields": [{"name": "c", "type": "bytes"}]},
                },
                {"name": "d", "type": "inner"},
                {
                    "name": "e",
                    "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
                },
            ],
        }
    )
    kinds = [field.dataType.typeName() for field in nested.fields]
    assert kinds == ["array", "struct", "struct", "decimal"]
    for wrong in (
        {"classification": "avro"},
        {"inferSchema": "true"},
        {"classification": "json", "includeHeaders": "true"},
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - which message is the layout's business
            layout_of("kinesis", wrong, None)


# --- checkpoints -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["disk", "s3"])
def location(request, tmp_path):
    if request.param == "disk":
        return str(tmp_path)
    request.getfixturevalue("server")
    import boto3

    boto3.client("s3").create_bucket(Bucket="checkpoints")
    return f"s3://checkpoints/{uuid.uuid4().hex}/"


def test_two_jobs_on_one_checkpoint(location):
    one, other = Checkpoint(location=location), Checkpoint(location=location)
    assert one.open(STREAM) is None
    assert other.open(STREAM) is None
    one.begin(0, Range(start={}, end={"t": {"0": 1}}), 1)
    # What was answered too late is asked again.
    one.begin(0, Range(start={}, end={"t": {"0": 1}}), 1)
    with pytest.raises(ConcurrentCheckpoint):
        other.begin(0, Range(start={}, end={"t": {"0": 2}}), 1)
    one.commit(0, 1)
    with pytest.raises(ConcurrentCheckpoint):
        other.commit(0, 1)
    found = other.open(STREAM)
    assert (found.number, found.committed, found.range.end) == (0, True, {"t": {"0": 1}})


def test_checkpoints_that_lack_files(tmp_path):
    checkpoint = Checkpoint(location=str(tmp_path))
    checkpoint.open(STREAM)
    for number in range(3):
        checkpoint.begin(number, Range(start={}, end={"n": number}), 1)
        if number < 2:
            checkpoint.commit(number, 1)
    last = checkpoint.open(STREAM)
    assert (last.number, last.committed, last.range.end) == (2, False, {"n": 2})
    (tmp_path / "commits" / "1").unlink()
    with pytest.raises(CheckpointMetadataNotFound):
        checkpoint.open(STREAM)
    (tmp_path / "metadata").unlink()
    with pytest.raises(CheckpointMetadataNotFound):
        checkpoint.open(STREAM)


class Numbers:
    """A stream of the numbers from 0 on, ten at a time, that ends at 40."""

    kind = "numbers"

    def identity(self):
        return {"type": "numbers"}

    def begin(self):
        return {"n": 0}

    def freeze(self, *, limited):
        pass

    def plan(self, done):
        return None if done["n"] >= 40 else Range(start=done, end={"n": done["n"] + 10})

    def read(self, wanted):
        for n in range(wanted.start["n"], wanted.end["n"]):
            yield Record(value=b"", key=None, place="t", part="0", position=str(n), at=0)

    def close(self):
        pass


class Plain:
    """Batches as lists."""

    def batch(self, records):
        from contextlib import nullcontext

        return nullcontext([int(one.position) for one in records])


class Killed(BaseException):
    """What a process that is killed does not survive."""


STEPS = ("start", "begin", "before", "after", "commit", "committed")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("batch", [0, 2])
def test_killed_between_any_two_steps(tmp_path, step, batch, monkeypatch):
    """Whatever a job had reached: the next one goes on with the batch that was not committed, and no other."""
    done: list[tuple[int, list[int]]] = []
    committed_at_kill: list[int] = []

    class Dying(Checkpoint):
        def start(self, positions):
            self._die("start", batch)
            super().start(positions)

        def begin(self, number, wanted, at):
            self._die("begin", number)
            super().begin(number, wanted, at)

        def commit(self, number, at):
            self._die("commit", number)
            super().commit(number, at)
            self._die("committed", number)

        def _die(self, where, number):
            if (where, number) == (step, batch):
                committed_at_kill.extend(self._numbers("commits"))
                raise Killed

    def process(numbers, number, dying=True):
        if dying and (step, batch) == ("before", number):
            committed_at_kill.extend(range(number))
            raise Killed
        done.append((number, numbers))
        if dying and (step, batch) == ("after", number):
            committed_at_kill.extend(range(number))
            raise Killed

    def loop(checkpoint, function):
        return MicroBatches(
            source=Numbers(),
            payloads=Plain(),
            checkpoint=checkpoint,
            process=function,
            window=0,
            until_caught_up=True,
        )

    with pytest.raises(Killed):
        loop(Dying(location=str(tmp_path)), process).run()
    before = list(done)
    loop(Checkpoint(location=str(tmp_path)), lambda numbers, number: process(numbers, number, False)).run()
    again = done[len(before) :]
    assert not {number for number, _ in again} & set(committed_at_kill)
    assert dict(done) == {n: list(range(n * 10, n * 10 + 10)) for n in range(4)}
    assert len(done) - len(dict(done)) <= 1


def test_old_batches_are_forgotten(tmp_path):
    checkpoint = Checkpoint(location=str(tmp_path))
    checkpoint.open(STREAM)
    for number in range(125):
        checkpoint.begin(number, Range(start={}, end={"n": number}), 1)
        checkpoint.commit(number, 1)
    assert len(os.listdir(tmp_path / "commits")) < 125
    assert json.loads((tmp_path / "offsets" / "124").read_text())["end"] == {"n": 124}
    assert checkpoint.open(STREAM).committed


def test_waiting_for_all_that_is_there_takes_a_look_of_its_own(tmp_path):
    """What arrives while the stream is being looked at may not be seen by that look."""
    from awsglue._streams.queries import StreamQuery

    class Growing(Numbers):
        there, looking, go = 0, threading.Event(), threading.Event()

        def plan(self, done):
            there = self.there
            self.looking.set()
            assert self.go.wait(60)
            return Range(start=done, end={"n": there}) if done["n"] < there else None

    source, found = Growing(), []
    query = StreamQuery(
        MicroBatches(
            source=source,
            payloads=Plain(),
            checkpoint=Checkpoint(location=str(tmp_path)),
            process=lambda numbers, _: found.extend(numbers),
            window=0.01,
        ),
        None,
    )
    query.begin()
    assert source.looking.wait(60)
    source.there = 3
    release = threading.Timer(0.2, source.go.set)
    release.start()
    query.processAllAvailable()
    assert found == [0, 1, 2]
    query.stop()
