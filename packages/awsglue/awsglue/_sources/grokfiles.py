"""Log files read by a grok pattern: named pieces of each line become string fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from awsglue._runtime.io.storage import Storage
from awsglue._sources.request import truth
from awsglue._sources.texts import lines

PATTERNS = {
    "USERNAME": r"[a-zA-Z0-9._-]+",
    "USER": r"%{USERNAME}",
    "EMAILLOCALPART": r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]+",
    "EMAILADDRESS": r"%{EMAILLOCALPART}@%{HOSTNAME}",
    "INT": r"[+-]?\d+",
    "BASE10NUM": r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)",
    "NUMBER": r"%{BASE10NUM}",
    "BASE16NUM": r"(?:0[xX])?[0-9a-fA-F]+",
    "POSINT": r"[1-9]\d*",
    "NONNEGINT": r"\d+",
    "WORD": r"\b\w+\b",
    "NOTSPACE": r"\S+",
    "SPACE": r"\s*",
    "DATA": r".*?",
    "GREEDYDATA": r".*",
    "QUOTEDSTRING": r"(?:\"(?:\\.|[^\\\"])*\"|'(?:\\.|[^\\'])*')",
    "QS": r"%{QUOTEDSTRING}",
    "UUID": r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    "MAC": r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}",
    "IPV4": r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)",
    "IPV6": r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:%\w+)?",
    "IP": r"(?:%{IPV6}|%{IPV4})",
    "HOSTNAME": r"\b[0-9A-Za-z][0-9A-Za-z-]{0,62}(?:\.[0-9A-Za-z][0-9A-Za-z-]{0,62})*\.?",
    "HOST": r"%{HOSTNAME}",
    "IPORHOST": r"(?:%{IP}|%{HOSTNAME})",
    "HOSTPORT": r"%{IPORHOST}:%{POSINT}",
    "UNIXPATH": r"(?:/[\w_%!$@:.,+~-]*)+",
    "WINPATH": r"[A-Za-z]+:\\[^\s]*",
    "PATH": r"(?:%{UNIXPATH}|%{WINPATH})",
    "URIPROTO": r"[A-Za-z][A-Za-z0-9+.-]*",
    "URIHOST": r"%{IPORHOST}(?::%{POSINT})?",
    "URIPATH": r"(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_|-]*)+",
    "URIPARAM": r"\?[^\s]*",
    "URIPATHPARAM": r"%{URIPATH}(?:%{URIPARAM})?",
    "URI": r"%{URIPROTO}://(?:%{URIHOST})?(?:%{URIPATHPARAM})?",
    "MONTH": r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b",
    "MONTHNUM": r"(?:0?[1-9]|1[0-2])",
    "MONTHDAY": r"(?:0[1-9]|[12]\d|3[01]|[1-9])",
    "DAY": r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*",
    "YEAR": r"\d{2}(?:\d{2})?",
    "HOUR": r"(?:2[0-3]|[01]?\d)",
    "MINUTE": r"[0-5]\d",
    "SECOND": r"(?:[0-5]?\d|60)(?:[:.,]\d+)?",
    "TIME": r"%{HOUR}:%{MINUTE}(?::%{SECOND})?",
    "DATE_US": r"%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}",
    "DATE_EU": r"%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}",
    "DATE": r"(?:%{DATE_US}|%{DATE_EU})",
    "ISO8601_TIMEZONE": r"(?:Z|[+-]%{HOUR}(?::?%{MINUTE})?)",
    "TIMESTAMP_ISO8601": r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?",
    "DATESTAMP": r"%{DATE}[- ]%{TIME}",
    "TZ": r"[A-Z]{3,4}",
    "SYSLOGTIMESTAMP": r"%{MONTH} +%{MONTHDAY} %{TIME}",
    "HTTPDATE": r"%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}",
    "PROG": r"[\x21-\x5a\x5c\x5e-\x7e]+",
    "SYSLOGPROG": r"%{PROG:program}(?:\[%{POSINT:pid}\])?",
    "LOGLEVEL": r"(?:[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo|INFO|[Ww]arn(?:ing)?|"
    r"WARN(?:ING)?|[Ee]rr(?:or)?|ERR(?:OR)?|[Cc]rit(?:ical)?|CRIT(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE)",
    "COMMONAPACHELOG": r"%{IPORHOST:clientip} %{NOTSPACE:ident} %{NOTSPACE:auth} \[%{HTTPDATE:timestamp}\] "
    r"\"(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})\" "
    r"%{NUMBER:response} (?:%{NUMBER:bytes}|-)",
    "COMBINEDAPACHELOG": r"%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}",
}
_PIECE = re.compile(r"%\{(\w+)(?::([\w.\[\]@-]+))?(?::(\w+))?\}")


class GrokError(ValueError):
    """The pattern cannot be compiled."""


def compile_pattern(pattern: str, custom: str = "") -> tuple[re.Pattern[str], list[str]]:
    """The regular expression of a grok pattern and its field names in order. Raises GrokError."""
    known = dict(PATTERNS)
    for line in custom.splitlines():
        name, _, definition = line.strip().partition(" ")
        if name and definition:
            known[name] = definition.strip()
    names: list[str] = []
    expression = _expand(pattern, known, names, 0)
    try:
        return re.compile(expression), names
    except re.error as error:
        raise GrokError(f"grok pattern {pattern!r} cannot be compiled: {error}") from None


def _expand(pattern: str, known: dict[str, str], names: list[str], depth: int) -> str:
    if depth > 30:
        raise GrokError("grok patterns refer to each other in a circle")

    def replace(match: re.Match[str]) -> str:
        name, field, _ = match.groups()
        if name not in known:
            raise GrokError(f"grok pattern {name} is not defined")
        if not field:
            return f"(?:{_expand(known[name], known, names, depth + 1)})"
        # Fields of Python's groups are numbered: a grok field may have any name, and may come twice.
        names.append(field)
        group = f"f{len(names) - 1}"
        return f"(?P<{group}>{_expand(known[name], known, names, depth + 1)})"

    return _PIECE.sub(replace, pattern)


def records(storage: Storage, path: str, options: dict[str, Any]) -> Iterator[dict[str, Any] | Exception]:
    """The records of one file; a line that does not match is an error. Raises ValueError without logFormat."""
    if not options.get("logFormat"):
        raise ValueError("format grokLog needs the format option logFormat")
    pattern, names = compile_pattern(options["logFormat"], options.get("customPatterns") or "")
    missing = options.get("MISSING", "-")
    strict = truth(options.get("StrictMode"))
    together = max(1, int(options.get("LineCount", "1")))
    held: list[str] = []
    for text in lines(storage, path, options):
        held.append(text)
        if len(held) == together:
            yield _record("\n".join(held), pattern, names, missing, strict, path)
            held = []
    if held:
        yield _record("\n".join(held), pattern, names, missing, strict, path)


def _record(
    text: str, pattern: re.Pattern[str], names: list[str], missing: str, strict: bool, path: str
) -> dict[str, Any] | Exception:
    match = pattern.fullmatch(text) if strict else pattern.search(text)
    if match is None:
        return ValueError(f"Unable to parse line of {path}: {text[:200]}")
    values: dict[str, Any] = dict.fromkeys(names)
    for index, name in enumerate(names):
        found = match.group(f"f{index}")
        if values[name] is None and found is not None and found != missing:
            values[name] = found
    return values
