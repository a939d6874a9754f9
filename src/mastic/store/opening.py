"""Opens the store that the settings name, or says in one line why that cannot be done. Owns no state."""

from __future__ import annotations

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from mastic.errors import Refused
from mastic.store.engine import Store

WANTED = "use postgresql://user:password@host:port/database"
DIALECTS = ("sqlite", "postgresql")


def open_store(url: str, *, sync_catalog: bool = False) -> Store:
    """The store, its database reached once. Raises Refused, which tells no password."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in DIALECTS:
            raise Refused(f"database_url names a {parsed.get_backend_name()} database: {WANTED}")
        store = Store(url, sync_catalog=sync_catalog)
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise Refused(f"database_url is not understood: {WANTED}") from error
    try:
        store.engine.connect().close()
    except DBAPIError as error:
        store.close()
        said = str(error.orig).strip().split("\n")[0]
        shown = parsed.render_as_string(hide_password=True)
        raise Refused(f"the database {shown} cannot be used: {said}") from error
    return store
