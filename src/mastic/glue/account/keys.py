"""The keys of encrypted catalogs: data keys, each wrapped by the server's own key or by a key of KMS.

State: documents of the kind ``data_key`` (wrapped keys, never removed: old rows need them). The settings are
documents too, named by the catalog's account and region, which ``security`` writes.
Unwrapped keys are remembered for a minute, so that disabling a KMS key makes a catalog unreadable within that time.
"""

from __future__ import annotations

import base64
import os
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection

from mastic.clock import Clock
from mastic.errors import Refused, ServiceError
from mastic.ids import Ids
from mastic.store import documents, sealing
from mastic.store.engine import Store, hold
from mastic.store.recall import Recall
from mastic.store.sealing import DataKey

KIND = "data_key"
SETTINGS = "catalog_encryption_settings"
# The scope of both: a row names its key by id alone, and all settings are read at once.
EVERYWHERE = ""
MEMORY = timedelta(seconds=60)
# How long it is believed that the settings are what they were, for what is fetched beforehand.
FRESH = timedelta(seconds=5)
SIZE = 32
# Accounts and regions with settings of their own.
MOST = 10_000
# Data keys, the newest ones, that are fetched before anything is written.
AT_HAND = 50
# How much longer a key counts within a transaction that was begun with it.
GRACE = timedelta(seconds=30)


class Kms(Protocol):
    """Keys that the server uses and never sees. Raises ServiceError with KMS's codes."""

    def generate(self, scope: str, key_id: str) -> tuple[bytes, bytes]:
        """A new data key of 32 bytes, and the same wrapped."""
        ...

    def encrypt(self, scope: str, key_id: str, plain: bytes) -> bytes:
        """At most 4096 bytes, for whoever may decrypt them."""
        ...

    def decrypt(self, scope: str, box: bytes) -> bytes:
        """What ``generate`` wrapped or ``encrypt`` made."""
        ...


def master_key(given: str, path: Path, *, shared: bool) -> DataKey | None:
    """The server's own key: the setting's, else one kept beside the data; None on a database that others share,
    who could not read what was sealed with a file of this machine. Raises Refused for a key of another size."""
    if given:
        try:
            secret = base64.b64decode(given, validate=True)
        except ValueError:
            secret = b""
        if len(secret) != SIZE:
            raise Refused("encryption_key is not 32 bytes in base64: make one with 'openssl rand -base64 32'")
    elif shared:
        return None
    elif path.exists():
        secret = path.read_bytes()
        if len(secret) != SIZE:
            raise Refused(f"{path} is not a key of {SIZE} bytes: put the file back that was there")
    else:
        secret = os.urandom(SIZE)
        _keep(path, secret)
    return DataKey(id=f"server-{_fingerprint(secret)}", secret=secret)


def _keep(path: Path, secret: bytes) -> None:
    """Whole or not at all, and on disk before anything is sealed with it."""
    new = path.with_name(f"{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    new.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _fingerprint(secret: bytes) -> str:
    from hashlib import blake2b

    return blake2b(b"mastic catalog key", key=secret, digest_size=6).hexdigest()


class CatalogKeys:
    """The keys of one store's catalogs. ``master`` is the server's own key, if it has one."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, master: DataKey | None, kms: Kms) -> None:
        self._store = store
        self._recall = Recall(store, documents.documents)
        self._clock = clock
        self._ids = ids
        self._master = master
        self._kms = kms
        self._lock = threading.Lock()
        self._unwrapped: dict[str, tuple[datetime, DataKey]] = {}
        self._failed: dict[str, datetime] = {}
        self._settings: tuple[datetime, dict[str, str]] | None = None
        self._wrapped: tuple[datetime, dict[str, str]] | None = None
        self._changes = 0

    # -- what the store asks -------------------------------------------------------------------------

    def prepare(self, catalog: str) -> None:
        """Fetch the keys of the account's catalogs: a resource link may lead from one region to another, and rows are
        sealed with the keys of earlier settings too."""
        account = catalog.partition(":")[0] + ":"
        demanded = {key_id: scope for scope, key_id in self._demanded().items()}
        for key_id, scope in {**self._kept(), **demanded}.items():
            if scope.startswith(account) and self.known(key_id) is None and not self._failed_lately(key_id):
                try:
                    self.find(key_id)
                except ServiceError:
                    # Whoever really needs it asks again, and is told.
                    with self._lock:
                        self._failed[key_id] = self._clock.now() + (FRESH if key_id in demanded else MEMORY)

    def _failed_lately(self, key_id: str) -> bool:
        with self._lock:
            until = self._failed.get(key_id)
        return until is not None and until > self._clock.now()

    def demanded(self, tx: Connection, catalog: str) -> str | None:
        """The key that the settings demand, which nobody changes before the transaction ends."""
        hold(tx, switch(catalog), alone=False)
        return self._recall.within(tx, catalog, lambda tx: _demand(tx, catalog))

    def known(self, key_id: str) -> DataKey | None:
        """A key that is in memory."""
        if self._master is not None and key_id == self._master.id:
            return self._master
        with self._lock:
            found = self._unwrapped.get(key_id)
        return found[1] if found is not None and found[0] > self._clock.now() else None

    def _lately_known(self, key_id: str) -> DataKey | None:
        with self._lock:
            found = self._unwrapped.get(key_id)
        lately = found is not None and found[0] + GRACE > self._clock.now()
        return found[1] if found is not None and lately else self.known(key_id)

    def in_use(self) -> bool:
        """Whether any catalog is encrypted."""
        return bool(self._demanded())

    def find(self, key_id: str, *, outside: bool = True) -> DataKey:
        """A key by its id. Raises GlueEncryptionException when it cannot be unwrapped, or not without KMS."""
        known = self.known(key_id) if outside else self._lately_known(key_id)
        if known is not None:
            return known
        now = self._clock.now()
        with self._store.read() as tx:
            found = documents.find(tx, EVERYWHERE, KIND, key_id)
        if found is None:
            raise encryption_error(
                f"it is encrypted with the key {key_id}, which this server does not have: is encryption_key set to the "
                "key it was written with?"
            )
        if "Kms" in found.body and not outside:
            raise encryption_error(f"the key that KMS key {found.body['Kms']} wraps cannot be had now")
        key = DataKey(id=key_id, secret=self._unwrap(found.body))
        with self._lock:
            self._unwrapped[key_id] = now + MEMORY, key
        return key

    # -- what the settings ask -----------------------------------------------------------------------

    def made(self, scope: str, kms_key: str | None) -> str:
        """The id of a new data key, wrapped by a KMS key or by the server's own, and durable.

        Raises GlueEncryptionException, InvalidInputException when there is nothing to wrap it with.
        """
        key_id = self._ids.hex(16)
        if kms_key is not None:
            secret, box = self._kms.generate(scope, kms_key)
            body = {"Kms": kms_key, "Scope": scope, "Wrapped": base64.b64encode(box).decode()}
        else:
            secret = os.urandom(SIZE)
            body = {"Wrapped": self.seal(base64.b64encode(secret).decode())}
        with self._store.write() as tx:
            documents.add(tx, EVERYWHERE, KIND, key_id, body, self._clock.now())
        with self._lock:
            self._unwrapped[key_id] = self._clock.now() + MEMORY, DataKey(id=key_id, secret=secret)
        return key_id

    def changed(self) -> None:
        """The settings are others now: read them again."""
        with self._lock:
            self._settings = None
            self._changes += 1

    # -- small secrets, under the server's own key ---------------------------------------------------

    @property
    def has_master(self) -> bool:
        """Whether the server has a key of its own."""
        return self._master is not None

    def seal(self, text: str) -> str:
        """Seal under the server's own key. Raises InvalidInputException when it has none."""
        if self._master is None:
            raise ServiceError(
                "InvalidInputException",
                "This server shares its database and has no key of its own: name a KMS key, or set encryption_key",
            )
        return sealing.sealed(self._master, text)

    def open(self, text: str) -> str:
        """The reverse of ``seal``. Raises GlueEncryptionException."""
        key_id, _, _ = text[len(sealing.MARK) :].partition(":")
        try:
            return sealing.opened(self.find(key_id), text)
        except ValueError as error:
            raise encryption_error(str(error)) from None

    # -- within --------------------------------------------------------------------------------------

    def _unwrap(self, body: dict[str, Any]) -> bytes:
        if "Kms" not in body:
            return base64.b64decode(self.open(body["Wrapped"]))
        try:
            return self._kms.decrypt(body["Scope"], base64.b64decode(body["Wrapped"]))
        except ServiceError as error:
            raise encryption_error(f"KMS key {body['Kms']}: {error.message}") from None

    def _kept(self) -> dict[str, str]:
        """The catalogs of the newest data keys that KMS has wrapped, by the keys' ids."""
        now = self._clock.now()
        with self._lock:
            known = self._wrapped
        if known is not None and known[0] > now:
            return known[1]
        with self._store.read() as tx:
            every = documents.page(tx, EVERYWHERE, KIND, "", MOST)
        newest = sorted((one for one in every if "Kms" in one.body), key=lambda one: one.created)[-AT_HAND:]
        found = {one.name: one.body["Scope"] for one in newest}
        with self._lock:
            self._wrapped = now + FRESH, found
        return found

    def _demanded(self) -> dict[str, str]:
        """Ids of data keys by the catalogs whose settings demand encryption now."""
        now = self._clock.now()
        with self._lock:
            known, changes = self._settings, self._changes
        if known is not None and known[0] > now:
            return known[1]
        with self._store.read() as tx:
            every = documents.page(tx, EVERYWHERE, SETTINGS, "", MOST)
        found = {one.name: one.body["DataKey"] for one in every if one.body.get("DataKey")}
        with self._lock:
            if changes == self._changes:
                # Else these were read before a change that has been answered: they must not be remembered.
                self._settings = now + FRESH, found
        return found


def _demand(tx: Connection, catalog: str) -> str | None:
    found = documents.find(tx, EVERYWHERE, SETTINGS, catalog)
    return found.body.get("DataKey") if found is not None else None


def switch(catalog: str) -> str:
    """What writers of a catalog hold together, and who changes its settings alone."""
    return f"encryption of {catalog}"


def encryption_error(reason: str) -> ServiceError:
    """Glue's GlueEncryptionException."""
    return ServiceError("GlueEncryptionException", f"The encryption operation failed: {reason}")
