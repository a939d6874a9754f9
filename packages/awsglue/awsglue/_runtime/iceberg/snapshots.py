"""Which snapshot a read means: by id, by time, by branch or tag."""

from __future__ import annotations

from typing import Any


def chosen(table: Any, options: dict[str, str]) -> int | None:
    """The snapshot id that the reader's options name, or None for the current one. Raises IllegalArgumentException."""
    from pyspark.errors import IllegalArgumentException

    if "snapshot-id" in options or "versionasof" in options:
        return by_version(table, options.get("snapshot-id") or options["versionasof"])
    if "as-of-timestamp" in options:
        return by_time(table, int(options["as-of-timestamp"]))
    if "timestampasof" in options:
        return by_time(table, milliseconds(options["timestampasof"]))
    for key in ("branch", "tag"):
        if key in options:
            return by_version(table, options[key])
    if "start-snapshot-id" in options:
        raise IllegalArgumentException("incremental reads (start-snapshot-id) are not served")
    return None


def by_version(table: Any, version: str) -> int:
    """A snapshot by its id, or by a branch or tag of that name."""
    from pyspark.errors import IllegalArgumentException

    reference = table.metadata.refs.get(version)
    if reference is not None:
        return int(reference.snapshot_id)
    if version.lstrip("-").isdigit() and table.snapshot_by_id(int(version)) is not None:
        return int(version)
    raise IllegalArgumentException(f"Cannot find snapshot with ID or reference {version}")


def by_time(table: Any, moment: int) -> int:
    """The snapshot that was current at this time (milliseconds)."""
    from pyspark.errors import IllegalArgumentException

    snapshot = table.snapshot_as_of_timestamp(moment)
    if snapshot is None:
        raise IllegalArgumentException(f"Cannot find a snapshot older than {moment}")
    return int(snapshot.snapshot_id)


def milliseconds(text: str) -> int:
    """Milliseconds of a time given as text or as seconds since the epoch."""
    from pyspark.errors import AnalysisException

    from awsglue._runtime.io.datetimes import cast_timestamp

    if text.strip().isdigit() and len(text.strip()) > 4:
        return int(text) * 1000
    moment = cast_timestamp(text)
    if moment is None:
        raise AnalysisException(
            f"[INVALID_TIME_TRAVEL_TIMESTAMP_EXPR] The time travel timestamp expression {text!r} is invalid."
        )
    return int(moment.timestamp() * 1000)
