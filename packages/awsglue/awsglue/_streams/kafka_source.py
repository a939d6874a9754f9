"""Kafka topics as a source: which partitions there are, how far they go, and the records between two offsets."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from awsglue._sources.request import truth
from awsglue._streams import kafka_settings
from awsglue._streams.records import DataLoss, Positions, Range, Record
from awsglue._streams.times import milliseconds_of

PATIENCE = 120.0  # seconds without a record or an answer, after which a read is given up
EARLIEST, LATEST = -2, -1
Offsets = dict[tuple[str, int], int]
# Options of Spark's source that would change which records a batch has, and are not served.
_REFUSED = (
    "startingOffsetsByTimestamp",
    "startingOffsetsByTimestampStrategy",
    "endingOffsetsByTimestamp",
    "endingTimestamp",
    "minOffsetsPerTrigger",
    "maxTriggerDelay",
)


class UnknownTopic(RuntimeError):
    """A topic that is to be read is not there."""


@dataclass(frozen=True, kw_only=True)
class Topics:
    """What is read: topics by name, by pattern, or single partitions."""

    names: tuple[str, ...] = ()
    pattern: str = ""
    assigned: tuple[tuple[str, int], ...] = ()

    def shown(self) -> str:
        """As a checkpoint names it."""
        if self.pattern:
            return self.pattern
        return ",".join(self.names) or ",".join(f"{topic}-{part}" for topic, part in self.assigned)


def topics_of(options: dict[str, Any]) -> Topics:
    """The topics that options name. Raises ValueError unless it is one of topicName, assign, subscribePattern."""
    named = options.get("topicName") or options.get("subscribe")
    given = [one for one in (named, options.get("assign"), options.get("subscribePattern")) if one]
    if len(given) != 1:
        raise ValueError("kafka needs one of the options topicName, assign and subscribePattern")
    if named:
        names = tuple(one.strip() for one in str(named).split(",") if one.strip())
        return Topics(names=names)
    if options.get("subscribePattern"):
        return Topics(pattern=str(options["subscribePattern"]))
    parsed = _json(options["assign"], "assign")
    return Topics(assigned=tuple((topic, int(part)) for topic, parts in parsed.items() for part in parts))


class KafkaSource:
    """Reads ranges of offsets; groups and their commits play no part. Owns one consumer."""

    kind = "kafka"

    def __init__(self, options: dict[str, Any], *, batch: bool = False) -> None:
        """`batch`: everything that is there, by default from the earliest offset on."""
        for name in _REFUSED:
            if options.get(name):
                raise NotImplementedError(f"the Kafka option {name} is not implemented")
        self._options = options
        self._topics = topics_of(options)
        self._settings = kafka_settings.settings(options)
        self._begin = options.get("startingOffsets") or ("earliest" if batch else "latest")
        if options.get("startingTimestamp") and options.get("startingOffsets"):
            raise ValueError("only one of startingOffsets and startingTimestamp can be set")
        if str(self._begin) == "latest" and batch:
            raise ValueError("starting offset can't be latest for batch queries on Kafka")
        self._end = options.get("endingOffsets") or "latest"
        if not batch and options.get("endingOffsets"):
            raise ValueError("ending offset not valid in streaming queries")
        self._limit = int(options.get("maxOffsetsPerTrigger") or 0)
        self._strict = truth(options.get("failOnDataLoss"), True)
        self._pause = float(options.get("retryIntervalMs") or 10) / 1000
        self._tries = int(options.get("numRetries") or options.get("fetchOffset.numRetries") or 3) + 1
        self._consumer: Any = None
        self._ceiling: Offsets | None = None

    def identity(self) -> dict[str, str]:
        """The kind and the topics: a checkpoint of other topics is another stream's."""
        return {"type": self.kind, "topics": self._topics.shown()}

    def close(self) -> None:
        """Leave the cluster."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    # --- where it stands -------------------------------------------------------------------------------------------

    def begin(self) -> Positions:
        """Offsets by startingOffsets or startingTimestamp."""
        if self._options.get("startingTimestamp"):
            given = str(self._options["startingTimestamp"])
            # Glue writes moments in words, Spark in milliseconds.
            moment = int(given) if given.isdecimal() else milliseconds_of(given)
            return _positions(self._at(moment, self._partitions()))
        return _positions(self._named(self._begin, "startingOffsets"))

    def end(self) -> Positions:
        """Offsets by endingOffsets, for a read that ends."""
        return _positions(self._named(self._end, "endingOffsets"))

    def freeze(self, *, limited: bool) -> None:
        """From now on there is no more than there is now; without limits of a batch unless `limited`."""
        self._ceiling = {place: self._bounds(place)[1] for place in self._partitions()}
        self._limit = self._limit if limited else 0

    def plan(self, done: Positions) -> Range | None:
        """What arrived since, at most maxOffsetsPerTrigger records, shared out by how much each partition has."""
        before = _offsets(done)
        start: Offsets = {}
        latest: Offsets = {}
        for place in self._partitions():
            low, high = self._bounds(place)
            # A partition that has come up since is read from its beginning, as Spark does.
            start[place] = before.get(place, low)
            if start[place] > high:
                self._lost(f"{_shown(place)} ends at {high}, but was read up to {start[place]}")
                start[place] = high
            if self._ceiling is not None:
                high = max(start[place], min(high, self._ceiling.get(place, start[place])))
            latest[place] = high
        gone = [place for place in before if place not in latest]
        if gone:
            self._lost(f"partitions are gone: {', '.join(map(_shown, gone))}")
        end = _shared(start, latest, self._limit)
        if end == start:
            return None
        return Range(start=_positions(start), end=_positions(end))

    # --- the records -----------------------------------------------------------------------------------------------

    def read(self, wanted: Range) -> Iterator[Record]:
        """The records from start (inclusive) to end (exclusive) of each partition. Raises DataLoss and TimeoutError."""
        kafka = kafka_settings.client()
        start, end = _offsets(wanted.start), _offsets(wanted.end)
        open_: Offsets = {}
        for place, until in end.items():
            begin = start.get(place, 0)
            if begin >= until:
                continue
            low, _ = self._bounds(place)
            if low > begin:
                self._lost(f"{_shown(place)} begins at {low}: offsets {begin} to {min(low, until)} are gone")
                begin = low
            if begin < until:
                open_[place] = begin
        consumer = self._client()
        consumer.assign([kafka.TopicPartition(topic, part, at) for (topic, part), at in open_.items()])
        try:
            yield from self._records(kafka, consumer, set(open_), end)
        finally:
            consumer.unassign()

    def _records(
        self, kafka: Any, consumer: Any, open_: set[tuple[str, int]], end: Offsets
    ) -> Iterator[Record]:
        last = time.monotonic()
        while open_:
            messages = _some(consumer)
            if messages:
                last = time.monotonic()
            elif time.monotonic() - last > PATIENCE:
                raise TimeoutError(
                    f"Kafka sent nothing for {PATIENCE:.0f} s: {', '.join(map(_shown, open_))}"
                )
            finished = set()
            for message in messages:
                place = (message.topic(), message.partition())
                error = message.error()
                if error is not None and error.code() != kafka.KafkaError._PARTITION_EOF:
                    raise kafka.KafkaException(error)
                if place not in open_:
                    continue
                # The end of a partition comes after the last record, also where offsets in between have none.
                offset = message.offset()
                if error is None and offset < end[place]:
                    yield _record(message)
                if offset >= end[place] - (1 if error is None else 0):
                    finished.add(place)
                    open_.discard(place)
            if finished and open_:
                consumer.incremental_unassign([kafka.TopicPartition(*place) for place in finished])

    # --- the cluster -----------------------------------------------------------------------------------------------

    def _client(self) -> Any:
        if self._consumer is None:
            kafka = kafka_settings.client()
            given = {
                # The Java client's default; librdkafka's own is the other one.
                "isolation.level": "read_uncommitted",
                # librdkafka wants a group even where there is none.
                "group.id": str(self._options.get("groupIdPrefix") or "spark-kafka-source"),
                **self._settings,
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "allow.auto.create.topics": False,
                "error_cb": _note,
            }
            try:
                self._consumer = kafka.Consumer(given)
            except kafka.KafkaException as error:
                raise ValueError(f"Kafka options are not accepted: {error.args[0]}") from None
        return self._consumer

    def _asked(self, question: Callable[[Any], Any]) -> Any:
        """An answer of the cluster, asked again a few times."""
        kafka = kafka_settings.client()
        for attempt in range(self._tries):
            try:
                return question(self._client())
            except kafka.KafkaException:
                if attempt == self._tries - 1:
                    raise
                time.sleep(max(self._pause, 0.2 * attempt))
        raise AssertionError("unreachable")

    def _partitions(self) -> list[tuple[str, int]]:
        if self._topics.assigned:
            return sorted(self._topics.assigned)
        names = self._topics.names
        if self._topics.pattern:
            known = self._asked(lambda consumer: consumer.list_topics(timeout=30)).topics
            names = tuple(sorted(name for name in known if re.fullmatch(self._topics.pattern, name)))
        found = []
        for name in names:
            topic = self._asked(lambda consumer, name=name: consumer.list_topics(name, timeout=30)).topics[
                name
            ]
            if topic.error is not None or not topic.partitions:
                raise UnknownTopic(f"topic {name}: {topic.error or 'it has no partitions'}")
            found += [(name, part) for part in topic.partitions]
        return sorted(found)

    def _topic(self, name: str) -> Any:
        return self._asked(lambda consumer: consumer.list_topics(name, timeout=30)).topics[name]

    def _bounds(self, place: tuple[str, int]) -> tuple[int, int]:
        kafka = kafka_settings.client()
        low, high = self._asked(
            lambda consumer: consumer.get_watermark_offsets(kafka.TopicPartition(*place), timeout=30)
        )
        if str(self._settings.get("isolation.level", "")) == "read_committed":
            high = self._stable(place)
        return int(low), int(high)

    def _stable(self, place: tuple[str, int]) -> int:
        """The end of what transactions have committed."""
        from confluent_kafka import IsolationLevel, TopicPartition
        from confluent_kafka.admin import AdminClient, OffsetSpec

        shared = {
            key: value
            for key, value in self._settings.items()
            if key.startswith(("bootstrap.", "security.", "ssl.", "sasl.", "socket."))
        }
        answers = AdminClient(shared).list_offsets(
            {TopicPartition(*place): OffsetSpec.latest()},
            isolation_level=IsolationLevel.READ_COMMITTED,
            request_timeout=30,
        )
        (answer,) = answers.values()
        return int(answer.result(60).offset)

    def _at(self, moment: int, places: list[tuple[str, int]]) -> Offsets:
        """The first offsets at or after a time; the end where there are none."""
        kafka = kafka_settings.client()
        asked = [kafka.TopicPartition(topic, part, moment) for topic, part in places]
        found: Offsets = {}
        for one in self._asked(lambda consumer: consumer.offsets_for_times(asked, timeout=30)):
            if one.error is not None:
                raise kafka.KafkaException(one.error)
            place = (one.topic, one.partition)
            found[place] = one.offset if one.offset >= 0 else self._bounds(place)[1]
        return found

    def _named(self, given: Any, option: str) -> Offsets:
        places = self._partitions()
        if str(given).lower() in ("earliest", "latest"):
            side = 0 if str(given).lower() == "earliest" else 1
            return {place: self._bounds(place)[side] for place in places}
        parsed = {
            (topic, int(part)): int(offset)
            for topic, parts in _json(given, option).items()
            for part, offset in parts.items()
        }
        if set(parsed) != set(places):
            raise ValueError(
                f"{option} has to name all partitions: {', '.join(map(_shown, places))}; "
                f"it names {', '.join(map(_shown, sorted(parsed)))}"
            )
        sides = {EARLIEST: 0, LATEST: 1}
        return {
            place: self._bounds(place)[sides[offset]] if offset in sides else offset
            for place, offset in parsed.items()
        }

    def _lost(self, what: str) -> None:
        if self._strict:
            raise DataLoss(f"{what}. With failOnDataLoss false the stream goes on with what is there")


def _some(consumer: Any) -> list[Any]:
    """The messages that are here, after a short wait for the first."""
    first = consumer.poll(0.5)
    return [] if first is None else [first, *consumer.consume(num_messages=1000, timeout=0)]


def _shared(start: Offsets, latest: Offsets, limit: int) -> Offsets:
    """Ends of a batch of at most `limit` records (0: any number), each partition by its share of what waits."""
    waiting = {place: latest[place] - at for place, at in start.items()}
    total = sum(waiting.values())
    if not limit or total <= limit:
        return latest
    end: Offsets = {}
    for place, at in start.items():
        share = limit * waiting[place] / total
        # Every partition that waits moves on by one at least.
        end[place] = at + min(waiting[place], max(int(share), 1 if share > 0 else 0))
    return end


def _record(message: Any) -> Record:
    kind, at = message.timestamp()
    return Record(
        value=message.value(),
        key=message.key(),
        place=message.topic(),
        part=str(message.partition()),
        position=str(message.offset()),
        at=max(at, 0),
        # Spark counts from CreateTime 0, librdkafka has 0 for none.
        at_kind=max(kind - 1, -1),
        headers=tuple(message.headers() or ()),
    )


def _positions(offsets: Offsets) -> Positions:
    found: Positions = {}
    for (topic, part), offset in sorted(offsets.items()):
        found.setdefault(topic, {})[str(part)] = offset
    return found


def _offsets(positions: Positions) -> Offsets:
    return {
        (topic, int(part)): int(offset)
        for topic, parts in positions.items()
        for part, offset in parts.items()
    }


def _json(given: Any, option: str) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    try:
        parsed = json.loads(str(given))
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ValueError(f"{option} {given!r} is neither a known word nor JSON of topics and partitions")
    return parsed


def _shown(place: tuple[str, int]) -> str:
    return f"{place[0]}-{place[1]}"


def _note(error: Any) -> None:
    """librdkafka goes on by itself after these; they explain a read that is given up later."""
    import sys

    sys.stderr.write(f"kafka: {error}\n")
