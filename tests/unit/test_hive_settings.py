"""The Hive Metastore's door is closed unless asked for, and on loopback unless said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from mastic.config import Config, load
from mastic.errors import Refused
from mastic.wire.thrift.listener import Listener


def test_no_door_by_default() -> None:
    assert Config().hive_metastore_port == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_beyond_loopback_only_when_said_so(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTIC_CONFIG", raising=False)
    environ = {"MASTIC_HIVE_METASTORE_PORT": "9083", "MASTIC_HIVE_METASTORE_HOST": host}
    with pytest.raises(Refused, match="prove nothing"):
        load(environ=environ)
    opened: Any = load(environ={**environ, "MASTIC_HIVE_METASTORE_UNAUTHENTICATED": "true"})
    assert opened.hive_metastore_host == host


def test_a_port_that_somebody_has_is_refused() -> None:
    first = Listener("one", "127.0.0.1", 0, lambda message: None)
    first.start()
    with pytest.raises(Refused, match="choose another port"):
        Listener("two", "127.0.0.1", first.port, lambda message: None)
    first.stop()
