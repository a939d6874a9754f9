"""Files that are deleted while DataFrames still mean them.

The engine takes a file that is gone for one without rows. So the files of frames that the script persisted are read
before S3 is told to delete them, and every other plan that means them fails, as Spark's does. Owns no state: a scan
knows whether it is kept, and whether it is gone.
"""

from __future__ import annotations

import os
from typing import Any

DELETING = frozenset({"DeleteObject", "DeleteObjects"})


def adapt(module: Any) -> None:
    """Look at the calls of botocore.client's clients, the script's own among them, before they are made."""
    call = module.BaseClient._make_api_call

    def watched(self: Any, operation_name: str, api_params: dict[str, Any]) -> Any:
        if operation_name in DELETING and self.meta.service_model.service_name == "s3":
            leaving(_paths(api_params))
        return call(self, operation_name, api_params)

    module.BaseClient._make_api_call = watched


def leaving(paths: frozenset[str]) -> None:
    """These files will be deleted now."""
    from awsglue._runtime.engine import STATE

    services = getattr(STATE.session, "_mastic", None)
    for scan in list(services.scans.values()) if services is not None else ():
        found = next((file.path for file in scan.files if _plain(file.path) in paths), None)
        if found is None:
            continue
        if scan.kept:
            scan.spool(hidden=True)
            scan.native, scan.choose = False, None
        elif scan.readable_natively():
            scan.gone = found


def keep(scans: list[Any]) -> None:
    """The script persists a frame over these: its rows outlive their files."""
    for scan in scans:
        scan.kept = True


def refuse_gone(scan: Any) -> None:
    """Raise what Spark raises when a file of a plan is missing."""
    if scan.gone:
        raise _missing(scan.gone)


def refuse_missing(scan: Any) -> None:
    """Raise what Spark raises when a local file of a plan is missing. (To ask S3 for each would take too long.)"""
    for file in scan.files:
        path = file.path.removeprefix("file://")
        if "://" not in path and path.startswith("/") and not os.path.exists(path):
            raise _missing(f"file:{path}")


def _missing(path: str) -> Exception:
    from pyspark.errors import PySparkException

    return PySparkException(
        f"File {path} does not exist\nIt is possible the underlying files have been updated. You can explicitly "
        "invalidate the cache in Spark by running 'REFRESH TABLE tableName' command in SQL or by recreating the "
        "Dataset/DataFrame involved."
    )


def _paths(parameters: dict[str, Any]) -> frozenset[str]:
    bucket = parameters.get("Bucket", "")
    named = [parameters, *(parameters.get("Delete") or {}).get("Objects", ())]
    return frozenset(f"{bucket}/{one['Key']}" for one in named if one.get("Key"))


def _plain(path: str) -> str:
    """bucket/key of a path, whatever its scheme."""
    return path.split("://", 1)[-1]
