"""How records are shown: one JSON text a line."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
from typing import Any

from awsglue._frames.body import Encoded
from awsglue._frames.records import decoded


def take(frame: Encoded, number: int | None) -> list[dict[str, Any]]:
    """The first records (all with None) as dictionaries in the user's shape."""
    df = frame.df if number is None else frame.df.limit(number)
    return [
        {
            field.name: decoded(_plain(value), field.dataType)
            for field, value in zip(frame.schema.fields, row, strict=True)
        }
        for row in df.collect()
    ]


def _plain(value: Any) -> Any:
    """Rows within a row as dictionaries."""
    if hasattr(value, "asDict"):
        return {name: _plain(one) for name, one in zip(value.__fields__, value, strict=True)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def line(record: dict[str, Any]) -> str:
    """One record as JSON."""
    return json.dumps(record, default=_json, ensure_ascii=False)


def _json(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S") + (
            f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
        )
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value) if value != value.to_integral_value() else int(value)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(bytes(value)).decode()
    return str(value)
