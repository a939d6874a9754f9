"""Rules on files: how many, how large, how old, and whether they are the same. A table of types at the end."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from awsglue._runtime.io.storage import Entry, Storage
from awsgluedq._evaluation.dataset import RuleFailure
from awsgluedq._evaluation.judging import UNMET, Around, Evaluation, Evaluator, Judged, verdict
from awsgluedq._evaluation.numbers import SIZES, holds
from awsgluedq._evaluation.predicates import instant
from awsgluedq.dqdl import Condition, Rule
from awsgluedq.dqdl import model as m

COUNT = "Dataset.*.FileCount"
ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256"}
NO_PATH = "Unable to parse file path from DataFrame"
FILTERS = ("recentFiles", "uriRegex")


def _files(rule: Rule, path: str) -> list[Entry]:
    """The files that a rule means, the newest first where it wants the newest only."""
    try:
        found = [one for one in Storage().entries(path) if one.size or not one.path.endswith("/")]
    except OSError as error:
        raise RuleFailure(f"{path} cannot be listed: {error}") from None
    order = rule.tags.get("filterOrder", FILTERS)
    for name in (order,) if isinstance(order, str) else order:
        if name not in FILTERS:
            raise RuleFailure(f"{name} is no filter of files: {' and '.join(FILTERS)} are")
        wanted = rule.tags.get(name)
        if wanted is None:
            continue
        if name == "recentFiles":
            found = sorted(found, key=lambda one: one.modified, reverse=True)[: _whole(name, wanted)]
        else:
            found = [one for one in found if re.search(str(wanted), one.path)]
    if not found:
        raise RuleFailure(f"No files found under {path}")
    return found


def _whole(name: str, text: str | tuple[str, ...]) -> int:
    if not isinstance(text, str) or not text.isdigit() or int(text) < 1:
        raise RuleFailure(f"{name} has to be a number of files")
    return int(text)


def _path(rule: Rule) -> str:
    if not rule.parameters:
        raise RuleFailure(NO_PATH)
    return rule.parameters[0]


def file_size(rule: Rule, around: Around) -> Evaluation:
    """The sizes of files."""
    yield []
    files = _files(rule, _path(rule))
    assert rule.condition is not None
    good = [holds(rule.condition, one.size, SIZES) for one in files]
    sizes = [float(one.size) for one in files]
    ends = {"Dataset.*.MaximumFileSize": max(sizes), "Dataset.*.MinimumFileSize": min(sizes)}
    return _share(rule, good, "Dataset.*.FileSize.Compliance", ends)


def file_freshness(rule: Rule, around: Around) -> Evaluation:
    """The ages of files. Times of day are of today, in the zone that `with timeZone` names."""
    yield []
    files = _files(rule, _path(rule))
    assert rule.condition is not None
    zone = _zone(rule)
    seconds = replace(
        rule.condition,
        operands=tuple(
            m.Number(text=repr(_moment(one, around.now, zone).timestamp())) for one in rule.condition.operands
        ),
    )
    good = [holds(seconds, one.modified.timestamp()) for one in files]
    return _share(rule, good, "Dataset.*.FileFreshness.Compliance", {})


def _zone(rule: Rule) -> dt.tzinfo:
    name = rule.tags.get("timeZone")
    if name is None:
        return dt.UTC
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError):
        raise RuleFailure(f"{name} is no time zone") from None


def _moment(operand: m.Operand, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    moment = instant(operand, now)
    if moment is not None:
        return moment.replace(tzinfo=zone) if isinstance(operand, m.Text) else moment
    assert isinstance(operand, m.Text)
    text = operand.value.upper().replace(" ", "")
    try:
        time = dt.datetime.strptime(text, "%I:%M%p" if text.endswith("M") else "%H:%M").time()
    except ValueError as error:
        raise RuleFailure(f"{operand.value!r} is no time of day: {error}") from None
    return dt.datetime.combine(now.astimezone(zone).date(), time, tzinfo=zone)


def _share(rule: Rule, good: list[bool], metric: str, others: Mapping[str, float]) -> Judged:
    share = sum(good) / len(good)
    threshold = rule.threshold or Condition(operator="=", operands=(m.Number(text="1"),))
    passed = holds(threshold, share)
    metrics = {metric: share, COUNT: float(len(good)), **others}
    return Judged(rule=rule, passed=passed, metrics=metrics, reason=None if passed else UNMET.format(share))


def file_uniqueness(rule: Rule, around: Around) -> Evaluation:
    """The share of files whose content (or name) no other one has."""
    yield []
    files = _files(rule, _path(rule))
    distinct = set(_marks(rule, files))
    ratio = len(distinct) / len(files)
    metric = "Dataset.*.FileUniquenessRatio"
    return verdict(rule, around, metric, ratio, metrics={metric: ratio, COUNT: float(len(files))})


def file_match(rule: Rule, around: Around) -> Evaluation:
    """The files of two places are the same, or their checksums are among those given."""
    yield []
    files = _files(rule, _path(rule))
    metrics = {COUNT: float(len(files))}
    if rule.condition is None:
        first, second = sorted(_marks(rule, files)), sorted(_marks(rule, _files(rule, rule.parameters[1])))
        passed, reason = first == second, f"The files of {' and '.join(rule.parameters)} are not the same"
    else:
        wanted, among = _checksums(rule.condition)
        marks = _marks(rule, files)
        wrong = [one.path for one, mark in zip(files, marks, strict=True) if (mark in wanted) != among]
        reason = f"Files with {'other' if among else 'these'} checksums: {', '.join(wrong)}"
        passed = not wrong
    return Judged(rule=rule, passed=passed, metrics=metrics, reason=None if passed else reason)


def _checksums(condition: Condition) -> tuple[set[str], bool]:
    """The checksums of a condition, and whether files have to be among them. Raises RuleFailure."""
    texts = [one.value.lower() for one in condition.operands if isinstance(one, m.Text)]
    if condition.operator not in ("=", "!=", "in") or len(texts) != len(condition.operands):
        raise RuleFailure("FileMatch compares checksums with =, !=, in and not in")
    return set(texts), condition.operator != "!=" and not condition.negated


def _marks(rule: Rule, files: list[Entry]) -> list[str]:
    """What a file is known by: its checksum, or its name."""
    if rule.tags.get("matchFileName") == "true":
        return [one.name for one in files]
    algorithm = str(rule.tags.get("hashAlgorithm", "SHA-256")).upper()
    if algorithm not in ALGORITHMS:
        raise RuleFailure(f"{algorithm} is none of {', '.join(ALGORITHMS)}")
    storage, marks = Storage(), []
    for one in files:
        with storage.open(one.path) as file:
            digest = hashlib.new(ALGORITHMS[algorithm], usedforsecurity=False)
            while block := file.read(1 << 20):
                digest.update(block)
        marks.append(digest.hexdigest())
    return marks


FILES: Mapping[str, Evaluator] = {
    "FileFreshness": file_freshness,
    "FileMatch": file_match,
    "FileSize": file_size,
    "FileUniqueness": file_uniqueness,
}
