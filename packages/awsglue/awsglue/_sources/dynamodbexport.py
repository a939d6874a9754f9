"""The DynamoDB export connector: a table's items as DynamoDB JSON in a bucket, in the layout of DynamoDB's own exports.

The export itself is made here, by consistent scans of the table's segments, not by DynamoDB: items that are written
meanwhile are in it as they were when their segment was read. Owns the objects below
`<prefix>/AWSDynamoDB/<export id>/`.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._runtime.io.storage import Storage, join
from awsglue._sources.request import truth

VERSION = "2020-06-30"
SEGMENTS = 4
_SUMMARY, _FILES = "manifest-summary.json", "manifest-files.json"
_LATER = ("dynamodb.exportTime", "dynamodb.s3.sse.algorithm", "dynamodb.s3.sse.kmsKeyId")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for: `new` exports of a table or a past one, and the shape of its items."""

    table_arn: str
    new: bool
    place: str
    owner: str | None
    simplify: bool
    unnest: bool

    @property
    def region(self) -> str:
        """Where the table is."""
        return self.table_arn.split(":")[3]


def asked(options: dict[str, Any]) -> Asked:
    """The options, checked. Raises ValueError and NotImplementedError."""
    export = str(options["dynamodb.export"])
    if export not in ("ddb", "s3"):
        raise ValueError(f'dynamodb.export is "ddb" or "s3", not {export!r}')
    for name in _LATER:
        if options.get(name):
            raise NotImplementedError(f"the connection option {name} is not implemented")
    if str(options.get("dynamodb.exportType") or "FULL_EXPORT") != "FULL_EXPORT":
        raise NotImplementedError("only full exports of a DynamoDB table are implemented")
    arn = str(options.get("dynamodb.tableArn") or "")
    if arn.count(":") != 5 or ":table/" not in arn:
        raise ValueError('the DynamoDB export connector needs the connection option "dynamodb.tableArn"')
    simplify, unnest = (
        truth(options.get(name)) for name in ("dynamodb.simplifyDDBJson", "dynamodb.unnestDDBJson")
    )
    if simplify and unnest:
        raise ValueError("dynamodb.unnestDDBJson and dynamodb.simplifyDDBJson cannot both be true")
    return Asked(
        table_arn=arn,
        new=export == "ddb",
        place=_place(options),
        owner=options.get("dynamodb.s3.bucketOwner") or None,
        simplify=simplify,
        unnest=unnest,
    )


def _place(options: dict[str, Any]) -> str:
    """Where exports lie, without a slash at its end: the bucket and prefix, or else the job's --TempDir."""
    from awsglue._runtime.engine import STATE

    bucket, prefix = options.get("dynamodb.s3.bucket"), str(options.get("dynamodb.s3.prefix") or "")
    if bucket:
        return f"s3://{bucket}/{prefix}".rstrip("/")
    if prefix:
        raise ValueError('dynamodb.s3.prefix needs the connection option "dynamodb.s3.bucket"')
    found = STATE.arguments.get("--TempDir", "")
    if not found.startswith("s3"):
        raise ValueError('the DynamoDB export connector needs "dynamodb.s3.bucket", or the job a --TempDir')
    return found.rstrip("/")


def read(wanted: Asked, dynamodb: Any, spark: Any) -> Encoded:
    """The items of a new or a past export. Raises ValueError."""
    from awsglue._frames.ddbjson import simplified, unnested
    from awsglue._sources.staged import StagedRecords

    storage = Storage()
    if wanted.owner:
        bucket = wanted.place.split("/")[2]
        storage.s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=wanted.owner)
    folder = export(wanted, dynamodb, storage) if wanted.new else _past(wanted.place, storage)
    staged = StagedRecords()
    staged.extend(_records(folder, storage))
    found = staged.finish(spark)
    if wanted.simplify:
        return simplified(found)
    return unnested(found) if wanted.unnest else found


# -- writing ---------------------------------------------------------------------------------------


def export(wanted: Asked, dynamodb: Any, storage: Storage) -> str:
    """Write the table's items to a new folder; returns it. Raises botocore's ClientError, as DynamoDB would."""
    name = wanted.table_arn.split("/", 1)[1]
    table = dynamodb.describe_table(TableName=name)["Table"]
    if table["TableArn"] != wanted.table_arn:
        raise _error(dynamodb, "TableNotFoundException", f"Table not found: {wanted.table_arn}")
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription") or {}
    if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
        reason = f"Point in time recovery is not enabled for table '{name}'"
        raise _error(dynamodb, "PointInTimeRecoveryUnavailableException", reason)
    started = _now()
    export_id = f"{int(time.time() * 1000):014d}-{uuid.uuid4().hex[:8]}"
    folder = join(wanted.place, f"AWSDynamoDB/{export_id}")
    storage.put(join(folder, "_started"), b"")
    with ThreadPoolExecutor(SEGMENTS) as pool:
        files = list(pool.map(lambda n: _segment(dynamodb, name, n, folder, storage), range(SEGMENTS)))
    _, _, bucket, place = folder.split("/", 3)
    for one in files:
        one["dataFileS3Key"] = f"{place}/data/{one['dataFileS3Key']}"
    _put_checked(storage, folder, _FILES, "".join(f"{json.dumps(one)}\n" for one in files).encode())
    prefix = place.removesuffix(f"AWSDynamoDB/{export_id}").rstrip("/")
    summary = {
        "version": VERSION,
        "exportArn": f"{wanted.table_arn}/export/{export_id}",
        "startTime": started,
        "endTime": _now(),
        "tableArn": wanted.table_arn,
        "tableId": table.get("TableId"),
        "exportTime": started,
        "s3Bucket": bucket,
        "s3Prefix": prefix or None,
        "s3SseAlgorithm": "AES256",
        "s3SseKmsKeyId": None,
        "manifestFilesS3Key": f"{place}/{_FILES}",
        "billedSizeBytes": int(table.get("TableSizeBytes") or 0),
        "itemCount": sum(one["itemCount"] for one in files),
        "outputFormat": "DYNAMODB_JSON",
        "exportType": "FULL_EXPORT",
    }
    _put_checked(storage, folder, _SUMMARY, json.dumps(summary).encode())
    return folder


def _segment(dynamodb: Any, table: str, segment: int, folder: str, storage: Storage) -> dict[str, Any]:
    """One data file; returns its line of the manifest, with the file's own name for its key."""
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table, Segment=segment, TotalSegments=SEGMENTS, ConsistentRead=True
    )
    lines = [_line(item) for page in pages for item in page["Items"]]
    body = gzip.compress("".join(lines).encode(), mtime=0)
    name = f"{uuid.uuid4().hex[:26]}.json.gz"
    path = join(folder, f"data/{name}")
    storage.put(path, body)
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    return {
        "itemCount": len(lines),
        "md5Checksum": base64.b64encode(digest).decode(),
        "etag": digest.hex(),
        "dataFileS3Key": name,
    }


def _line(item: dict[str, Any]) -> str:
    return json.dumps({"Item": item}, default=_text, ensure_ascii=False, separators=(",", ":")) + "\n"


def _text(value: Any) -> str:
    """Bytes as DynamoDB JSON has them."""
    return base64.b64encode(bytes(value)).decode()


def _put_checked(storage: Storage, folder: str, name: str, body: bytes) -> None:
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    storage.put(join(folder, name), body)
    storage.put(join(folder, name.replace(".json", ".checksum")), base64.b64encode(digest))


def _error(client: Any, code: str, message: str) -> Exception:
    kind: type[Exception] = client.exceptions.from_code(code)
    return kind({"Error": {"Code": code, "Message": message}}, "ExportTableToPointInTime")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# -- reading ---------------------------------------------------------------------------------------


def _past(place: str, storage: Storage) -> str:
    """The folder of the one export below a place. Raises ValueError."""
    keys = [entry.path for entry in storage.entries(f"{place}/")]
    folders = {key.rsplit("/", 1)[0] for key in keys if key.endswith((f"/{_SUMMARY}", "/_started"))}
    if not folders and place.rsplit("/", 1)[-1] == "data":
        return _past(place.removesuffix("/data"), storage)
    if len(folders) != 1:
        raise ValueError(
            f"{place} has {len(folders)} exports of DynamoDB tables; "
            "dynamodb.s3.prefix has to name the place of one: <prefix>/AWSDynamoDB/<export id>"
        )
    (folder,) = folders
    if f"{folder}/{_SUMMARY}" not in keys:
        raise ValueError(f"the export {folder} is not finished: it has no {_SUMMARY}")
    return folder


def _records(folder: str, storage: Storage) -> Iterator[dict[str, Any]]:
    """What the data files of an export hold, as many as its manifest says. Raises ValueError."""
    summary = json.loads(storage.read(join(folder, _SUMMARY)))
    if summary.get("outputFormat") != "DYNAMODB_JSON":
        raise NotImplementedError(f"the export {folder} is in the format {summary.get('outputFormat')}")
    for line in storage.read(join(folder, _FILES)).splitlines():
        if not line.strip():
            continue
        file = json.loads(line)
        # By its name: an export may have been copied elsewhere.
        path = join(folder, f"data/{file['dataFileS3Key'].rsplit('/', 1)[-1]}")
        count = 0
        for record in _parsed(gzip.decompress(storage.read(path)).splitlines()):
            count += 1
            yield record
        if count != file["itemCount"]:
            raise ValueError(f"{path} has {count} items; the export's manifest says {file['itemCount']}")


def _parsed(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.strip():
            yield json.loads(line)
