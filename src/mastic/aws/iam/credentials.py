"""Access keys for callers inside Mastic (job runs, functions) and their lookup for signature checks.

Root keys come from the configuration; all others are rows of the store's ``credentials``.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from mastic.clock import Clock
from mastic.context import DEFAULT_ACCOUNT
from mastic.errors import ServiceError
from mastic.ids import Ids
from mastic.store import credentials, iam
from mastic.store.credentials import Credential
from mastic.store.engine import Store
from mastic.store.recall import Recall

# Expired keys are kept for this long, so that their user hears "expired" and not "unknown".
MEMORY = timedelta(days=1)


class Credentials:
    """Issues temporary keys and finds any key by its id."""

    def __init__(self, *, store: Store, clock: Clock, ids: Ids, root: Iterable[Credential] = ()) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._recall = Recall(store, credentials.credentials)
        self._root = {each.access_key: each for each in root}

    def issue(
        self,
        account: str,
        principal_arn: str,
        name: str,
        expires: datetime,
        *,
        session: dict[str, Any] | None = None,
    ) -> tuple[str, str, str]:
        """Temporary keys: access key, secret and session token.

        ``principal_arn`` is a role's ARN, or that of the root or a user; ``name`` is the session's name.
        """
        with self._store.write() as tx:
            credentials.purge(tx, self._clock.now() - MEMORY)
            arn, principal_id = principal_arn, account
            kind, _, path = principal_arn.split(":", 5)[-1].partition("/")
            if kind == "role":
                role = iam.find(tx, account, "role", path.rpartition("/")[2])
                arn = session_arn(principal_arn, name)
                principal_id = f"{role.id if role else 'AROA' + 'X' * 17}:{name}"
            elif kind == "user":
                user = iam.find(tx, account, "user", path.rpartition("/")[2])
                principal_id = user.id if user else account
            made = Credential(
                access_key=new_access_key("ASIA"), secret=new_secret(), token=new_token(), account=account,
                principal_arn=arn, principal_id=principal_id, owner=None, active=True,
                created=self._clock.now(), expires=expires, session=session or {},
            )  # fmt: skip
            credentials.put(tx, made)
        assert made.token is not None
        return made.access_key, made.secret, made.token

    def lookup(self, access_key: str) -> Credential | None:
        """The key for a signature check; None for a key that does not exist or is switched off.

        Raises ServiceError ExpiredToken for a temporary key whose time is over.
        """
        if access_key in self._root:
            return self._root[access_key]
        found = self._recall.get(access_key, lambda tx: credentials.find(tx, access_key))
        if found is None or not found.active:
            return None
        if found.expired(self._clock.now()):
            raise ServiceError(
                "ExpiredToken", "The security token included in the request is expired", status=403
            )
        return found

    def revoke(self, access_key: str) -> None:
        """Take a key back, as when a job run has ended."""
        with self._store.write() as tx:
            credentials.revoke(tx, access_key)


def root_key(access_key: str, secret: str, *, now: datetime, account: str = DEFAULT_ACCOUNT,
             principal_arn: str = "") -> Credential:  # fmt: skip
    """A long-lived key from the configuration."""
    return Credential(
        access_key=access_key, secret=secret, token=None, account=account,
        principal_arn=principal_arn or f"arn:aws:iam::{account}:root", principal_id=account, owner=None,
        active=True, created=now, expires=None, session={},
    )  # fmt: skip


def session_arn(role_arn: str, session: str) -> str:
    """The ARN of an assumed role's session."""
    account = role_arn.split(":")[4]
    return f"arn:aws:sts::{account}:assumed-role/{role_arn.rpartition('/')[2]}/{session}"


def new_access_key(prefix: str) -> str:
    """A 20-character access key id."""
    return prefix + base64.b32encode(secrets.token_bytes(10)).decode()


def new_secret() -> str:
    """A 40-character secret."""
    return base64.b64encode(secrets.token_bytes(30)).decode()


def new_token() -> str:
    """A session token: opaque, and as long as AWS's."""
    return base64.b64encode(b"\x15\x03" + secrets.token_bytes(253)).decode()
