"""What a script asks for, as searches by column: entity types, actions, columns. Raises for what cannot be done."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from awsglueml._entities.finding import DETECT, HASH, PARTIAL, REDACT, Action, Search
from awsglueml._entities.table import ENTITY_TYPES, NEEDS_A_MODEL, SAME
from awsglueml._entities.types import EntityType

ACTIONS = (DETECT, REDACT, PARTIAL, HASH)
OPTIONS: Mapping[str, tuple[str, ...]] = {
    DETECT: (),
    HASH: (),
    REDACT: ("redactText",),
    PARTIAL: ("redactChar", "matchPattern", "numLeftCharsToExclude", "numRightCharsToExclude"),
}
ALL = "USA_ALL"


def entity_types(names: Iterable[str]) -> list[EntityType]:
    """The types of these names. Raises NotImplementedError for one that needs a model, ValueError if unknown."""
    return [kind for name in names for kind in _kinds(name)]


def _kinds(name: str) -> list[EntityType]:
    if name == ALL:
        general = ("EMAIL", "PHONE_NUMBER", "BANK_ACCOUNT", "CREDIT_CARD", "IP_ADDRESS", "MAC_ADDRESS")
        return [
            kind for kind in ENTITY_TYPES.values() if kind.name.startswith("USA_") or kind.name in general
        ]
    known = ENTITY_TYPES.get(SAME.get(name, name))
    if known is not None:
        return [known]
    if name in NEEDS_A_MODEL:
        raise NotImplementedError(
            f"entity type {name} is told by a model of language, which this library does not have: nothing was searched"
        )
    return [_custom(name)]


def _custom(name: str) -> EntityType:
    """A custom entity type of the account. Raises ValueError and NotImplementedError."""
    import os

    from botocore.exceptions import BotoCoreError, ClientError

    unknown = f"there is no entity type {name}: it is none of the managed ones that can be detected here"
    if not os.environ.get("AWS_ENDPOINT_URL") and not os.environ.get("MASTIC_CHANNEL_URL"):
        raise ValueError(unknown)
    import boto3

    try:
        given = boto3.client("glue").get_custom_entity_type(Name=name)
    except (ClientError, BotoCoreError) as error:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
        if code == "EntityNotFoundException":
            raise ValueError(f"{unknown}, and the account has no custom one of this name") from None
        raise NotImplementedError(f"{unknown}, and custom ones cannot be asked for: {code}") from None
    words = tuple(_plain(word) for word in given.get("ContextWords") or ())
    return EntityType(name=name, pattern=given["RegexString"], words=words)


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", word.lower()).strip()


def simple(types: Iterable[str], columns: list[str]) -> dict[int, tuple[str, list[Search]]]:
    """Every type in every column, detected only."""
    searches = [Search(kind=kind, action=Action()) for kind in entity_types(types)]
    return {place: (name, searches) for place, name in enumerate(columns) if name}


def fine_grained(
    parameters: Any, columns: list[str], numbers: set[str]
) -> dict[int, tuple[str, list[Search]]]:
    """As detectionParameters say: {type: [{action, actionOptions, sourceColumns | sourceColumnsToExclude}, …]}.

    `columns` by place, "" for those that cannot be searched; in those of `numbers` nothing can be masked, so an action
    that masks in all columns only detects there. Raises ValueError.
    """
    given = json.loads(parameters) if isinstance(parameters, str) else parameters
    if not isinstance(given, Mapping):
        raise ValueError("detectionParameters has to be a JSON object of entity types")
    plan: dict[int, tuple[str, list[Search]]] = {}
    for name, entries in given.items():
        kinds = entity_types([name])
        for entry in entries or [{"action": DETECT}]:
            action = _action(name, entry)
            for place in _places(name, entry, columns):
                _, searches = plan.setdefault(place, (columns[place], []))
                named = columns[place] in (entry.get("sourceColumns") or ())
                here = Action() if columns[place] in numbers and not named else action
                searches += [Search(kind=kind, action=here) for kind in kinds]
    for column, searches in plan.values():
        masking = {search.action.name for search in searches} - {DETECT}
        if len(masking) > 1:
            raise ValueError(
                f"column {column}: one action that masks per column, not {', '.join(sorted(masking))}"
            )
    return plan


def _action(name: str, entry: Mapping[str, Any]) -> Action:
    action = str(entry.get("action", ""))
    if action not in ACTIONS:
        raise ValueError(f"{name}: action is one of {', '.join(ACTIONS)}, not {action!r}")
    options = dict(entry.get("actionOptions") or {})
    unknown = sorted(set(options) - set(OPTIONS[action]))
    if unknown:
        raise ValueError(f"{name}: {action} has no option {', '.join(unknown)}")
    sides = [side for side in ("numLeftCharsToExclude", "numRightCharsToExclude") if side in options]
    if options.get("matchPattern") and sides:
        raise ValueError(f"{name}: matchPattern cannot be combined with {' and '.join(sides)}")
    left, right = (
        _count(name, options.get(side, 0)) for side in ("numLeftCharsToExclude", "numRightCharsToExclude")
    )
    return Action(
        name=action,
        text=str(options.get("redactText", "*****")),
        char=str(options.get("redactChar", "*")),
        pattern=str(options.get("matchPattern") or ""),
        left=left,
        right=right,
    )


def _count(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise ValueError(f"{name}: {value!r} is no number of characters")
    return number


def _places(name: str, entry: Mapping[str, Any], columns: list[str]) -> list[int]:
    wanted, without = entry.get("sourceColumns"), entry.get("sourceColumnsToExclude")
    if wanted and without:
        raise ValueError(f"{name}: either sourceColumns or sourceColumnsToExclude")
    named = [one for one in (wanted or without or []) if one != "*"]
    unknown = [one for one in named if one not in columns]
    if unknown:
        raise ValueError(f"{name}: there is no column {', '.join(unknown)} that could be searched")
    if wanted and "*" not in wanted:
        return [columns.index(one) for one in wanted]
    return [place for place, one in enumerate(columns) if one and one not in (without or [])]
