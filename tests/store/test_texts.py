"""Texts that not every database can keep are refused by all of them."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from mastic.errors import Unkeepable
from mastic.store import settings
from mastic.store.engine import Store


def test_a_text_with_nul_is_neither_kept_nor_looked_for(store: Store) -> None:
    def both() -> None:
        with store.write() as tx:
            settings.put(tx, "before", 1)
            settings.put(tx, "a\0b", 1)

    with pytest.raises(Unkeepable):
        both()
    many = [{"name": "one", "value": 1}, {"name": "t\0wo", "value": 2}]
    with pytest.raises(Unkeepable), store.write() as tx:
        tx.execute(insert(settings.settings), many)
    with pytest.raises(Unkeepable), store.read() as tx:
        settings.get(tx, "a\0b")
    with store.read() as tx:
        assert tx.execute(settings.settings.select()).all() == []
    with store.write() as tx:
        settings.put(tx, "after", "in a document it is \0")
    with store.read() as tx:
        assert settings.get(tx, "after") == "in a document it is \0"
