"""Which files an S3 (or local) source means: folders, partition folders, exclusions, compression suffixes."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from awsglue._runtime.io import partitions
from awsglue._runtime.io.storage import Entry, Storage, split, tidy
from awsglue._sources.request import truth

_WILD = re.compile(r"[*?\[{]")
GROUPINGS = ("none", "inPartition", "acrossPartition")


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of a source, with the partition values its place gives it.

    `root` is the folder above its `k=v` folders; "" when the values come from the catalog and no folder tells them.
    """

    path: str
    root: str
    size: int
    modified: datetime
    partition: tuple[tuple[str, str | None], ...] = ()

    @property
    def milliseconds(self) -> int:
        """When it was last changed, in milliseconds since the epoch."""
        return int(self.modified.timestamp() * 1000)


def given_paths(options: dict[str, Any]) -> list[str]:
    """The option `paths` (a list, or JSON text of one) or `path`. Raises ValueError."""
    value = options.get("paths", options.get("path"))
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = json.loads(value)
    if isinstance(value, str):
        value = [value]
    if not value:
        raise ValueError('this source needs the connection option "paths"')
    return [tidy(str(one)) for one in value]


def list_source(
    storage: Storage, roots: Iterable[str], options: dict[str, Any], *, globs: bool = False
) -> list[SourceFile]:
    """The source's files in path order. A folder that is not there has none; with `globs` its name may be a pattern."""
    recurse = truth(options.get("recurse"))
    excluded = exclusion_patterns(options.get("exclusions"))
    classes = storage_classes(options.get("excludeStorageClasses"))
    check_grouping(options)
    found: list[SourceFile] = []
    for given in roots:
        for root, entry in _entries(storage, given, globs):
            if entry.storage_class in classes:
                continue
            below = relative(entry.path, root)
            *folders, name = below.split("/")
            if _hidden(name) or any(_hidden(folder) and "=" not in folder for folder in folders):
                continue
            if not recurse and any("=" not in folder for folder in folders):
                continue
            if any(pattern.search(entry.path) or pattern.search(below) for pattern in excluded):
                continue
            pairs = tuple(partitions.parse(folders))
            found.append(
                SourceFile(
                    path=entry.path, root=root, size=entry.size, modified=entry.modified, partition=pairs
                )
            )
    return found


def _entries(storage: Storage, root: str, globs: bool) -> Iterator[tuple[str, Entry]]:
    """The files below a root, each with it; of what is not there by this very name, those that it matches as a pattern,
    each with the file or folder that does."""
    there = False
    for entry in storage.entries(root):
        there = True
        yield root, entry
    key = split(root)[2].strip("/")
    wild = _WILD.search(key)
    if there or not globs or wild is None:
        return
    folder = root.rstrip("/")[: -len(key)] + key[: wild.start()].rpartition("/")[0]
    pattern = re.compile(f"({_glob(key)})(?:/|\\Z)")
    for entry in storage.entries(folder):
        own = split(entry.path)[2].strip("/")
        match = pattern.match(own)
        if match:
            yield entry.path[: len(entry.path) - len(own) + match.end(1)], entry


def storage_classes(value: Any) -> frozenset[str]:
    """The option `excludeStorageClasses`: a list, JSON text of one, or one name."""
    if not value:
        return frozenset()
    if isinstance(value, str):
        value = json.loads(value) if value.lstrip().startswith("[") else [value]
    return frozenset(str(one).upper() for one in value)


def check_grouping(options: dict[str, Any]) -> None:
    """groupFiles and groupSize say how many tasks read the files, not what is read: they are only checked.

    Raises ValueError.
    """
    kind = options.get("groupFiles")
    if kind not in (None, "", *GROUPINGS):
        raise ValueError(f"groupFiles {kind!r} is none of {', '.join(GROUPINGS)}")
    size = options.get("groupSize")
    if size not in (None, "") and not (str(size).isdigit() and int(size) > 0):
        raise ValueError(f"groupSize {size!r} is no number of bytes")


def relative(path: str, root: str) -> str:
    """The part of a file's path below its root; its name when it is the root."""
    key, base = split(path)[2].strip("/"), split(root)[2].strip("/")
    return key[len(base) :].strip("/") or key.rsplit("/", 1)[-1]


def _hidden(name: str) -> bool:
    return name.startswith(("_", ".")) or name == ""


def exclusion_patterns(value: Any) -> list[re.Pattern[str]]:
    """Glob patterns of the option `exclusions`: JSON text of a list, or a list. Raises ValueError."""
    if not value:
        return []
    globs = json.loads(value) if isinstance(value, str) else value
    if not isinstance(globs, list):
        raise ValueError('"exclusions" is a JSON list of glob patterns')
    return [re.compile(r"(?:^|/)" + _glob(str(glob)) + r"\Z") for glob in globs]


def _glob(glob: str) -> str:
    """`*` stays within a folder, `**` does not; `?`, `[…]` and `{a,b}` as usual."""
    out, index, depth = "", 0, 0
    while index < len(glob):
        char = glob[index]
        if glob.startswith("**", index):
            out, index = out + ".*", index + 2
            continue
        if char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "[" and "]" in glob[index:]:
            end = glob.index("]", index + 1)
            out += fnmatch.translate(glob[index : end + 1])[4:-3]
            index = end
        elif char == "{" and "}" in glob[index:]:
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        else:
            out += re.escape(char)
        index += 1
    return out
