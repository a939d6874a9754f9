"""What clients ask about the server itself, and what it never holds: constraints, settings. Owns no state."""

from __future__ import annotations

import re
from typing import Any

from mastic import __version__
from mastic.clock import Clock
from mastic.glue.hive.failures import Failure, meta

_ALIVE = 2
# The Metastore tells nothing but its own settings.
_TOLD = re.compile(r"(hive|hdfs|mapred|metastore)\.[\w.-]*\Z")


class Sessions:
    """The methods. Their names are the interface's."""

    def __init__(self, *, warehouse: str, store_id: str, clock: Clock, definition: Any) -> None:
        self._settings = {
            "hive.metastore.warehouse.dir": warehouse,
            "metastore.warehouse.dir": warehouse,
            # Filters that cannot be answered here are the client's to apply, and this is how it is told so.
            "hive.metastore.try.direct.sql": "false",
        }
        self._store_id = store_id
        self._started = int(clock.now().timestamp())
        self._types = definition

    def getName(self) -> str:  # noqa: N802
        """The server's name."""
        return "hivemetastore"

    def getVersion(self) -> str:  # noqa: N802
        """This server's own version."""
        return __version__

    def getStatus(self) -> int:  # noqa: N802
        """Alive."""
        return _ALIVE

    def aliveSince(self) -> int:  # noqa: N802
        """Seconds since 1970."""
        return self._started

    def shutdown(self) -> None:
        """A client says goodbye so. It ends nothing."""

    def set_ugi(self, user: str, groups: list[str] | None) -> list[str]:
        """Who the client says it is. Nobody is told from anybody here, so nothing follows from it."""
        return [*(groups or []), user]

    def get_metastore_db_uuid(self) -> str:
        """The store's id."""
        return self._store_id

    def flushCache(self) -> None:  # noqa: N802
        """There is no cache: every answer comes from the store."""

    def get_config_value(self, name: str, default: str) -> str:
        """A setting. Raises ConfigValSecurityException for what is none of the Metastore's."""
        if name and not _TOLD.match(name):
            raise Failure(
                "ConfigValSecurityException",
                f"For security reasons, the config key {name} cannot be accessed",
            )
        return self._settings.get(name, default)

    def getMetaConf(self, name: str) -> str:  # noqa: N802
        """A setting that a session could change. Raises a MetaException: there is none."""
        raise meta(f"Invalid configuration key {name}")

    def setMetaConf(self, name: str, value: str) -> None:  # noqa: N802
        """Raises a MetaException: nothing can be set by a session."""
        raise meta(f"Invalid configuration key {name}")

    # -- constraints: none can be declared here, so there are none -------------------------------------

    def get_primary_keys(self, request: Any) -> Any:
        """None."""
        return self._types.PrimaryKeysResponse(primaryKeys=[])

    def get_foreign_keys(self, request: Any) -> Any:
        """None."""
        return self._types.ForeignKeysResponse(foreignKeys=[])

    def get_unique_constraints(self, request: Any) -> Any:
        """None."""
        return self._types.UniqueConstraintsResponse(uniqueConstraints=[])

    def get_not_null_constraints(self, request: Any) -> Any:
        """None."""
        return self._types.NotNullConstraintsResponse(notNullConstraints=[])

    def get_default_constraints(self, request: Any) -> Any:
        """None."""
        return self._types.DefaultConstraintsResponse(defaultConstraints=[])

    def get_check_constraints(self, request: Any) -> Any:
        """None."""
        return self._types.CheckConstraintsResponse(checkConstraints=[])
