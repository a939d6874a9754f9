"""A store that cannot be opened is a mistake of the operator, told in one line without the password."""

from __future__ import annotations

from pathlib import Path

import pytest

from mastic.errors import Refused
from mastic.store.opening import open_store
from tests.ports import free_port


def test_an_unreachable_server() -> None:
    url = f"postgresql://somebody:secret@127.0.0.1:{free_port()}/lake"
    with pytest.raises(Refused, match="cannot be used") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("url", ["nonsense", "postgresql://u:secret@h:port/x", "mysql://u:secret@h/x"])
def test_other_urls(url: str) -> None:
    with pytest.raises(Refused, match="use postgresql://") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)


def test_a_file(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path / 'x.db'}").close()
