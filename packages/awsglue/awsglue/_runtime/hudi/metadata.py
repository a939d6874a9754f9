"""The metadata table (`.hoodie/metadata`): Hudi's own list of a table's files, which we do not keep up to date.

Whoever trusts a list that lacks a commit does not see its rows. So it is turned off as Hudi's writer does with
`hoodie.metadata.enable=false`: first `hoodie.properties` names it no more, then its files go. From the first step on
readers list the table's folders, so a writer that is killed in between leaves files that nobody looks at; the next
writer of Hudi that has it enabled makes it anew, in place of what is left. It is turned off when all of a commit is
done but its decision: a write that fails leaves it; and while a commit is pending, Hudi's writers make none.
"""

from __future__ import annotations

import sys

from awsglue._runtime.failures import EngineRefused
from awsglue._runtime.hudi import properties
from awsglue._runtime.hudi.options import Asked
from awsglue._runtime.hudi.properties import TableConfig
from awsglue._runtime.io.storage import Storage, join

ENABLE = "hoodie.metadata.enable"
FOLDER = ".hoodie/metadata"
_TRUSTED = "hoodie.table.metadata.partitions"
_CLEARED = (_TRUSTED, "hoodie.table.metadata.partitions.inflight")
# How often hoodie.properties is read again because somebody else has changed it at the same moment.
_ATTEMPTS = 20


def trusted(config: TableConfig) -> bool:
    """Whether readers of this table look into its metadata table."""
    return bool(config.get(_TRUSTED))


def check(config: TableConfig, asked: Asked) -> None:
    """Raise EngineRefused for a write that wants the metadata table to be kept."""
    if trusted(config) and asked.flag(ENABLE):
        raise EngineRefused(
            f"{ENABLE}=true for a Hudi table with a metadata table",
            "without the option, or with false, it is turned off; Hudi's next writer makes it again",
        )


def turn_off(storage: Storage, path: str, asked: Asked) -> None:
    """Make the table at this path one without a metadata table. Raises EngineRefused, OSError."""
    place = join(path, properties.FILE)
    for _ in range(_ATTEMPTS):
        config = properties.load(storage, path)
        if config is None or not trusted(config):
            return
        check(config, asked)
        # Only what is there now goes: a metadata table that is made anew has files of other names.
        old = [one.path for one in storage.entries(join(path, FOLDER))]
        former = storage.read(place)
        if not storage.swap(place, former, properties.cleared(former, _CLEARED)):
            continue
        if ENABLE not in asked.given:
            sys.stderr.write(
                f"mastic: the metadata table of {path} was turned off, as it is not kept up to date here "
                f"({ENABLE}=false says the same). Hudi's next writer that has it enabled makes it again\n"
            )
        storage.delete(old)
        if not any(True for _ in storage.entries(join(path, FOLDER))):
            storage.delete_folder(join(path, FOLDER))
        return
    raise OSError(f"{place}: others write it again and again")
