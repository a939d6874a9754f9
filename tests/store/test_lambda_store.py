"""Functions, packages, layers and source mappings on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mastic.aws.lambda_ import publishing
from mastic.store import lambda_, lambda_code, lambda_events
from mastic.store.engine import Store
from mastic.store.lambda_ import LATEST, Version

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCOPE = "123456789012:us-east-1"


def _latest(name: str = "f", **body: object) -> Version:
    return Version(
        scope=SCOPE, name=name, version=LATEST, revision="r", sha="a" * 64, modified=NOW,
        body={"CodeSize": 5, **body},
    )  # fmt: skip


def test_a_name_is_taken_once_and_removal_takes_all(store: Store) -> None:
    with store.write() as tx:
        assert lambda_.create(tx, _latest(), {"a": "1"})
        assert not lambda_.create(tx, _latest(), {})
        lambda_.put_part(
            tx,
            lambda_.Part(
                scope=SCOPE,
                name="f",
                kind=lambda_.ALIAS,
                qualifier="live",
                revision="x",
                modified=NOW,
                body={},
            ),
        )
        assert lambda_.usage(tx, SCOPE) == (1, 5, 0)
        assert lambda_.remove(tx, SCOPE, "f")
        assert not lambda_.remove(tx, SCOPE, "f")
        assert lambda_.get_part(tx, SCOPE, "f", lambda_.ALIAS, "live") is None
        assert lambda_.shas_in_use(tx) == set()


def test_versions_count_up_and_come_back_when_nothing_changed(store: Store) -> None:
    with store.write() as tx:
        lambda_.create(tx, _latest(), {})
        one = publishing.publish(tx, _latest(), "own words", revision="1")
        assert (one.version, one.body["Description"]) == ("1", "own words")
        assert publishing.publish(tx, _latest(), "others", revision="2").version == "1"
        changed = replace(_latest(Timeout=9), modified=NOW + timedelta(seconds=1))
        lambda_.save_latest(tx, changed)
        for number in range(2, 12):
            made = publishing.publish(
                tx,
                replace(changed, sha=f"{number:064d}", modified=NOW + timedelta(seconds=number)),
                None,
                revision="x",
            )
            assert made.version == str(number)
        assert [v.version for v in lambda_.list_versions(tx, SCOPE, "f", limit=100)] == [
            LATEST, *(str(n) for n in range(1, 12)),
        ]  # fmt: skip


def test_packages_are_kept_in_pieces_while_something_refers_to_them(store: Store) -> None:
    data = bytes(range(256)) * 10_000
    sha = "b" * 64
    with store.write() as tx:
        for number, start in enumerate(range(0, len(data), lambda_code.PIECE)):
            lambda_code.put_piece(tx, sha, number, data[start : start + lambda_code.PIECE])
            lambda_code.put_piece(tx, sha, number, data[start : start + lambda_code.PIECE])
        assert lambda_code.size_of(tx, sha) is None
        lambda_code.put(tx, sha, len(data), NOW)
    with store.write() as tx:
        assert b"".join(lambda_code.pieces(tx, sha)) == data
        layer = lambda_code.publish_layer(tx, SCOPE, "l", sha, {})
        assert lambda_code.remove_unused(tx, set(), NOW + timedelta(hours=1)) == []
        lambda_code.remove_layer(tx, SCOPE, "l", layer.version)
        assert lambda_code.publish_layer(tx, SCOPE, "l", "c" * 64, {}).version == 2, "numbers are not reused"
        assert lambda_code.remove_unused(tx, {sha}, NOW + timedelta(hours=1)) == []
        assert lambda_code.remove_unused(tx, set(), NOW) == []
        assert lambda_code.remove_unused(tx, set(), NOW + timedelta(hours=1)) == [sha]
        assert list(lambda_code.pieces(tx, sha)) == []


def test_an_event_is_taken_once(store: Store) -> None:
    with store.write() as tx:
        assert lambda_events.take(tx, "k", NOW)
        assert not lambda_events.take(tx, "k", NOW)
        lambda_events.forget(tx, NOW + timedelta(seconds=1))
        assert lambda_events.take(tx, "k", NOW)
