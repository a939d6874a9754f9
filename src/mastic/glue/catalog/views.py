"""The views of the catalog that speak several SQL dialects: ViewDefinition, and how updates change it.

What a client gives is kept as given; texts are checked for syntax in their dialect before they are stored.
Owns no state.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mastic.errors import already_exists, invalid_input, not_found

# sqlglot's names of the dialects.
_PARSERS = {"ATHENA": "athena", "SPARK": "spark", "REDSHIFT": "redshift"}


def is_multi_dialect(body: dict[str, Any]) -> bool | None:
    """Whether a table is such a view; None, and the member is omitted, when it has no definition."""
    return True if body.get("ViewDefinition") else None


def check(body: dict[str, Any]) -> None:
    """Refuse a definition that cannot be right. Raises InvalidInputException."""
    definition = body.get("ViewDefinition")
    if definition is None:
        return
    seen: set[str] = set()
    for one in definition.get("Representations") or []:
        dialect = one.get("Dialect")
        if dialect is None:
            raise invalid_input("A view representation needs a Dialect")
        if dialect in seen:
            raise invalid_input(f"ViewDefinition has two representations of the dialect {dialect}")
        seen.add(dialect)
        text = one.get("ViewOriginalText") or one.get("ViewExpandedText")
        if not text and not one.get("ValidationConnection"):
            raise invalid_input(f"The {dialect} representation needs a ViewOriginalText")
        if text:
            _parse(dialect, text)


def _parse(dialect: str, text: str) -> None:
    from sqlglot import parse_one
    from sqlglot.errors import SqlglotError

    if text.startswith("/* Presto View:"):
        return
    try:
        parse_one(text, read=_PARSERS[dialect])
    except SqlglotError as error:
        reason = str(error).split("\n", 1)[0]
        raise invalid_input(f"View validation failed for dialect {dialect}: {reason}") from error


def change(old: dict[str, Any], new: dict[str, Any], action: str | None, *, force: bool) -> dict[str, Any]:
    """The TableInput to store when ``new`` is applied to ``old`` by ViewUpdateAction ``action``.

    Without an action the definition is replaced like everything else. ``force`` marks the dialects that an
    update leaves as they were as stale. Raises AlreadyExistsException, EntityNotFoundException.
    """
    if action is None:
        return new
    given = (new.get("ViewDefinition") or {}).get("Representations") or []
    if not given:
        raise invalid_input("ViewUpdateAction needs a ViewDefinition with Representations")
    kept = {one["Dialect"]: one for one in (old.get("ViewDefinition") or {}).get("Representations") or []}
    merged = dict(kept)
    for one in given:
        dialect = one.get("Dialect")
        if action == "ADD" and dialect in kept:
            raise already_exists(f"View dialect {dialect} already exists")
        if action in ("REPLACE", "DROP") and dialect not in kept:
            raise not_found(f"View dialect {dialect} not found")
        if action == "DROP":
            del merged[dialect]
        else:
            merged[dialect] = one
    if not merged:
        raise invalid_input("The last dialect of a view cannot be dropped")
    changed = {one.get("Dialect") for one in given}
    if force and action != "DROP":
        merged = {d: one if d in changed else {**one, "IsStale": True} for d, one in merged.items()}
    definition = {
        **(old.get("ViewDefinition") or {}),
        **new["ViewDefinition"],
        "Representations": list(merged.values()),
    }
    return {**old, **new, "ViewDefinition": definition}


def shape(definition: dict[str, Any], version: int) -> dict[str, Any]:
    """A ViewDefinition as clients see it."""
    representations = [{"IsStale": False, **one} for one in definition.get("Representations") or []]
    out = {"ViewVersionId": version, "ViewVersionToken": str(version), **definition}
    if representations:
        out["Representations"] = representations
    return out


def status(
    body: dict[str, Any], *, version: int, created: datetime, updated: datetime, by: str
) -> dict[str, Any] | None:
    """The Status of a view: its texts were read in their dialects before the change was answered."""
    definition = body.get("ViewDefinition")
    if definition is None:
        return None
    validations = [
        {
            "Dialect": one["Dialect"],
            "DialectVersion": one.get("DialectVersion"),
            "ViewValidationText": one.get("ViewOriginalText"),
            "UpdateTime": updated,
            "State": "SUCCESS",
        }
        for one in definition.get("Representations") or []
    ]
    return {
        "RequestedBy": by,
        "UpdatedBy": by,
        "RequestTime": updated,
        "UpdateTime": updated,
        "Action": "UPDATE" if version else "CREATE",
        "State": "SUCCESS",
        "Details": {"ViewValidations": validations},
    }
