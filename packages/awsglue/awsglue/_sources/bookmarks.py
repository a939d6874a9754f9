"""What a job has read before, per transformation_ctx, and what it reads now.

Owns the bookmark of the running job between Job.init and Job.commit. Stored state:
{ctx: {"kind", "sources": {id: state}}}, where the id names the path or table: another path starts afresh.
"""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from awsglue._runtime.channel import Channel
from awsglue._sources.sealing import kms_key, seal, unseal

ENABLE, PAUSE, DISABLE = "job-bookmark-enable", "job-bookmark-pause", "job-bookmark-disable"


def source_id(*parts: Any) -> str:
    """A short stable name of a source."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(kw_only=True)
class Bookmarks:
    """One run's view of its job's bookmark."""

    option: str
    channel: Channel
    before: dict[str, Any] = field(default_factory=dict)
    # With pause from/to: the state after run `to`; what is beyond it is left out.
    until: dict[str, Any] | None = None
    pending: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, arguments: dict[str, Any]) -> Bookmarks:
        """The bookmark as these arguments (of getResolvedOptions) ask for it. Raises RuntimeError."""
        channel = Channel.from_environment()
        option = arguments.get("job_bookmark_option") or DISABLE
        if option == DISABLE:
            return cls(option=option, channel=channel)
        first, last = arguments.get("job_bookmark_from"), arguments.get("job_bookmark_to")
        if option == PAUSE and first and last:
            reply = channel.send("bookmark.get", **{"from": first, "to": last})
            if "until" not in reply:
                raise RuntimeError(f"no bookmarks are known for the runs {first} to {last}")
            return cls(
                option=option,
                channel=channel,
                before=unseal(reply.get("bookmark") or {}),
                until=unseal(reply["until"] or {}),
            )
        before = unseal(channel.bookmark_get().get("bookmark") or {})
        return cls(option=option, channel=channel, before=before)

    @property
    def active(self) -> bool:
        """Whether sources read only what is new."""
        return self.option in (ENABLE, PAUSE)

    def state(self, ctx: str, source: str) -> dict[str, Any] | None:
        """What was recorded for this source before this run."""
        found = self.before.get(ctx, {}).get("sources", {}).get(source)
        return copy.deepcopy(found) if found is not None else None

    def limit(self, ctx: str, source: str) -> dict[str, Any] | None:
        """The state that bounds what may be read, with pause from/to."""
        return None if self.until is None else self.until.get(ctx, {}).get("sources", {}).get(source)

    def record(self, ctx: str, kind: str, source: str, state: dict[str, Any]) -> None:
        """Note what is read now; it lasts when the job commits."""
        entry = self.pending.setdefault(
            ctx, copy.deepcopy(self.before.get(ctx)) or {"kind": kind, "sources": {}}
        )
        entry["sources"][source] = state

    def commit(self) -> bool:
        """Make it last; whether anything was stored. With pause or disable nothing is."""
        stored = self.option == ENABLE and bool(self.pending)
        if stored:
            key = kms_key()
            self.channel.bookmark_commit(seal(self.pending, key) if key else self.pending)
        self.before = {**self.before, **self.pending}
        self.pending = {}
        return stored
