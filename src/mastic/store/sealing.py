"""Sealed texts: what a catalog keeps encrypted when its settings ask for it.

A sealed text is MARK, the id of a data key, a colon, and base64 of a nonce and AES-256-GCM's ciphertext; the id is
authenticated too. No JSON, name or location begins with MARK, so that sealed and plain rows live side by side.
``Store.write(catalog=…)`` says whose settings count; ``schema.SealedJson`` columns then seal by themselves. Keys are
made, wrapped and found by the ``Keys`` that the composition root connects. Which key counts is read within the
transaction, so that none that waited while encryption was switched on writes in clear. Owns the present
transaction's key.
"""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mastic.errors import ServiceError

MARK = "\x01"
NONCE = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class DataKey:
    """32 bytes and the name under which they are found again."""

    id: str
    secret: bytes


class Keys(Protocol):
    """Where data keys come from. May ask services outside; raises ServiceError GlueEncryptionException."""

    def prepare(self, catalog: str) -> None:
        """Fetch what a transaction of the catalog is likely to need, to write or to read. What cannot be had is not
        complained of."""
        ...

    def demanded(self, tx: Any, catalog: str) -> str | None:
        """The id of the key that the catalog's settings demand, and go on demanding until the transaction ends;
        None: nothing is sealed."""
        ...

    def known(self, key_id: str) -> DataKey | None:
        """A key that has been fetched already. Asks nobody."""
        ...

    def in_use(self) -> bool:
        """Whether any catalog's settings demand a key."""
        ...

    def find(self, key_id: str, *, outside: bool = True) -> DataKey:
        """A key by its id; unless ``outside``, without asking other services."""
        ...


class Sealing:
    """Seals and opens the texts of one store."""

    def __init__(self, *, writing: Callable[[], bool] = lambda: False) -> None:
        # Whether this thread is within a transaction that writes: services may write too, and would wait for it.
        self._writing = writing
        self._keys: Keys | None = None
        self._local = threading.local()
        self._wanted = threading.local()

    def connect(self, keys: Keys) -> None:
        """From now on use these keys."""
        self._keys = keys

    # -- what Store.write(catalog=…) does --------------------------------------------------------------

    def prepare(self, catalog: str) -> None:
        """Before a transaction of the catalog: what it is likely to need is fetched."""
        if self._keys is not None:
            self._keys.prepare(catalog)

    def begin(self, tx: Any, catalog: str) -> str:
        """What this thread writes in ``tx`` belongs to ``catalog``, until ``end``.

        Returns the id of a key that is demanded and was not fetched yet, else nothing.
        """
        if self._keys is None:
            return ""
        wanted = self._keys.demanded(tx, catalog)
        key = None if wanted is None else self._keys.known(wanted)
        if wanted is not None and key is None:
            return wanted
        self._local.catalog, self._local.key = catalog, key
        return ""

    def fetch(self, key_id: str) -> None:
        """After leaving a transaction that lacked a key. Raises GlueEncryptionException when it cannot be had."""
        assert self._keys is not None
        self._keys.find(key_id)

    def end(self) -> None:
        """The transaction is over."""
        self._local.__dict__.clear()

    def make_up(self) -> None:
        """After leaving any transaction: what it could not read for want of a key, the next one shall."""
        if wanted := self._wanted.__dict__.pop("key", ""):
            assert self._keys is not None
            try:
                self._keys.find(wanted)
            except ServiceError:
                # Who tried to read it has been told.
                return

    # -- what is done within ---------------------------------------------------------------------------

    def belongs(self, tx: Any, catalog: str) -> None:
        """What a transaction that ``begin`` knows writes from here on belongs to ``catalog``, as when a resource link
        has led to another region. Raises GlueEncryptionException when that one's key is not at hand."""
        if getattr(self._local, "catalog", catalog) != catalog and self.begin(tx, catalog):
            raise ServiceError(
                "GlueEncryptionException",
                "The encryption operation failed: the key of the catalog that the resource link leads to cannot be had "
                "now",
            )

    def key(self, *, demand: bool = True) -> DataKey | None:
        """The key of what this thread writes. Raises RuntimeError for a write that named no catalog while some
        catalog is encrypted: it would be kept in clear. ``demand=False`` takes such a write for a plain one."""
        if self._keys is None:
            return None
        try:
            found: DataKey | None = self._local.key
        except AttributeError:
            if demand and self._keys.in_use():
                raise RuntimeError(
                    "this transaction writes to the catalog: use Store.write(catalog=…)"
                ) from None
            return None
        return found

    def open(self, text: str) -> str:
        """What was sealed. Raises GlueEncryptionException when its key cannot be had."""
        key_id, _, _ = text[len(MARK) :].partition(":")
        if self._keys is None:
            raise RuntimeError("there are no keys for sealed texts")
        if not self._writing():
            return opened(self._keys.find(key_id), text)
        try:
            return opened(self._keys.find(key_id, outside=False), text)
        except ServiceError:
            self._wanted.key = key_id
            raise


def sealed(key: DataKey, text: str) -> str:
    """The text encrypted."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(NONCE)
    box = nonce + AESGCM(key.secret).encrypt(nonce, text.encode(), key.id.encode())
    return f"{MARK}{key.id}:{base64.b64encode(box).decode()}"


def opened(key: DataKey, text: str) -> str:
    """The reverse of ``sealed``. Raises ValueError for another key or a changed text."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    box = base64.b64decode(text[len(MARK) + len(key.id) + 1 :])
    try:
        return AESGCM(key.secret).decrypt(box[:NONCE], box[NONCE:], key.id.encode()).decode()
    except InvalidTag:
        raise ValueError(f"this was not sealed with the key {key.id}, or was changed since") from None


def key_of(tx: Any) -> DataKey | None:
    """What texts of rows written in this transaction are sealed with; None where they stay plain."""
    sealing: Sealing | None = getattr(tx.dialect, "sealing", None)
    return None if sealing is None else sealing.key()


def belongs(tx: Any, catalog: str) -> None:
    """What the transaction writes from here on belongs to ``catalog`` (``account:region``)."""
    sealing: Sealing | None = getattr(tx.dialect, "sealing", None)
    if sealing is not None:
        sealing.belongs(tx, catalog)


def opener(tx: Any) -> Callable[[str | None], str | None]:
    """Opens texts that may be sealed, as rows hold them."""
    sealing: Sealing | None = getattr(tx.dialect, "sealing", None)

    def read(text: str | None) -> str | None:
        return sealing.open(text) if sealing is not None and text is not None and text[:1] == MARK else text

    return read
