"""Which files a read means: globs, missing paths, hidden files, partition folders, modification-time filters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from awsglue._runtime.io import partitions
from awsglue._runtime.io.storage import S3_SCHEMES, Entry, Storage, shown, split, tidy

_GLOB = re.compile(r"[*?\[{]")


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of a scan with the partition values of its folder, still as text."""

    path: str
    size: int
    modified: datetime
    partition: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files of one read and the names of their partition columns, outermost first."""

    files: list[DataFile]
    partition_names: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)

    def partition_schema(self, given: Any, *, infer: bool) -> Any:
        """StructType of the partition columns: types of `given` where it names them, Spark's inference elsewhere."""
        from pyspark.sql.types import StructField, StructType

        known = {item.name.lower(): item for item in given.fields} if given is not None else {}
        fields = []
        for position, name in enumerate(self.partition_names):
            if name.lower() in known:
                fields.append(known[name.lower()])
                continue
            values = [item.partition[position][1] for item in self.files]
            fields.append(StructField(name, partitions.infer_type(values, enabled=infer), True))
        return StructType(fields)


def list_files(storage: Storage, paths: list[str], options: dict[str, str]) -> Listing:
    """The files of these paths. Raises AnalysisException (PATH_NOT_FOUND) as Spark does."""
    recursive = _flag(options, "recursiveFileLookup")
    roots: list[str] = []
    globbed: dict[str, bool] = {}
    for path in map(tidy, paths):
        is_glob = bool(_GLOB.search(split(path)[2]))
        found = _expand(storage, path) if is_glob else [path]
        if not found or (not is_glob and not storage.folder_exists(path)):
            raise path_not_found(path)
        for root in found:
            roots.append(root)
            globbed[root] = is_glob
    base = options.get("basePath") or options.get("basepath")
    base = tidy(base) if base else None
    files: list[DataFile] = []
    for root in roots:
        start = base if base and _under(root, base) else root
        for entry in storage.entries(root):
            folders = _folders(entry, start)
            if _visible(entry, root) and _chosen(entry, options):
                pairs = () if recursive else tuple(partitions.parse(folders))
                if not recursive and _plain_subfolder(entry, root):
                    continue
                files.append(
                    DataFile(path=entry.path, size=entry.size, modified=entry.modified, partition=pairs)
                )
    names = _partition_names(files)
    return Listing(files=files, partition_names=names, roots=roots)


def path_not_found(path: str) -> Exception:
    """Spark's AnalysisException for a path that is not there."""
    from pyspark.errors import AnalysisException

    return AnalysisException(f"[PATH_NOT_FOUND] Path does not exist: {shown(path).rstrip('/')}.")


def _flag(options: dict[str, str], name: str) -> bool:
    return {key.lower(): value for key, value in options.items()}.get(name.lower(), "").lower() == "true"


def _under(path: str, base: str) -> bool:
    return (split(path)[2].strip("/") + "/").startswith(split(base)[2].strip("/") + "/")


def _folders(entry: Entry, start: str) -> list[str]:
    """Folder names between the base and the file. A root that is a file itself has none."""
    base = split(start)[2].strip("/")
    key = split(entry.path)[2].strip("/")
    if key == base:
        return []
    rest = key[len(base) :].strip("/") if base else key
    return rest.split("/")[:-1]


def _plain_subfolder(entry: Entry, root: str) -> bool:
    """Spark descends into `k=v` folders only; files in other subfolders are left out.

    (Spark lists them too but then refuses mixed layouts; a plain nested folder holds no rows of this table.)
    """
    return any("=" not in folder for folder in _folders(entry, root))


def _visible(entry: Entry, root: str) -> bool:
    """Names that start with _ or . are hidden, except partition folders like _k=v."""
    for name in [*_folders(entry, root), entry.name]:
        if name.startswith(".") or name.endswith("._COPYING_"):
            return False
        if name.startswith("_") and "=" not in name and not name.startswith("_metadata"):
            return False
    return not entry.name.startswith("_")


def _chosen(entry: Entry, options: dict[str, str]) -> bool:
    lower = {key.lower(): value for key, value in options.items()}
    pattern = lower.get("pathglobfilter")
    if pattern and not _glob_regex(pattern).fullmatch(entry.name):
        return False
    before, after = lower.get("modifiedbefore"), lower.get("modifiedafter")
    if before and not entry.modified < _instant(before):
        return False
    return not (after and not entry.modified > _instant(after))


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _partition_names(files: list[DataFile]) -> list[str]:
    """The common partition columns. Raises when folders disagree, as Spark does."""
    layouts = {tuple(name for name, _ in item.partition) for item in files}
    if len(layouts) > 1:
        listed = ", ".join(sorted("/".join(layout) or "(none)" for layout in layouts))
        from pyspark.errors import AnalysisException

        raise AnalysisException(
            f"[CONFLICTING_PARTITION_COLUMN_NAMES] Conflicting partition column names detected: {listed}. "
            "For partitioned table directories, data files should only live in leaf directories."
        )
    return list(next(iter(layouts), ()))


def _expand(storage: Storage, path: str) -> list[str]:
    """The existing paths that a glob means, in order. `*` and `?` do not cross slashes; `{a,b}` and `[a-z]` work."""
    scheme, bucket, key = split(path)
    prefix = f"{scheme}://{bucket}" if scheme in S3_SCHEMES else ""
    segments = [segment for segment in key.split("/") if segment]
    found = [prefix]
    for position, segment in enumerate(segments):
        grown: list[str] = []
        for parent in found:
            if not _GLOB.search(segment):
                grown.append(f"{parent}/{segment}")
                continue
            pattern = _glob_regex(segment)
            names = storage.children(parent or "/")
            grown += [f"{parent}/{name}" for name in names if pattern.fullmatch(name) and not _hidden(name)]
        found = grown
        if position == len(segments) - 1 and not _GLOB.search(segment):
            found = [item for item in found if storage.folder_exists(item)]
    return [item for item in found if storage.folder_exists(item)] if found else []


def _hidden(name: str) -> bool:
    return name.startswith((".", "_")) and "=" not in name


def _glob_regex(pattern: str) -> re.Pattern[str]:
    """Hadoop's glob as a regular expression."""
    out, depth, index = "", 0, 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\" and index + 1 < len(pattern):
            index += 1
            out += re.escape(pattern[index])
        elif char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "{":
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        elif char == "[" and "]" in pattern[index:]:
            end = pattern.index("]", index + 1)
            body = pattern[index + 1 : end]
            out += "[" + ("^" + body[1:] if body[:1] in "!^" else body) + "]"
            index = end
        else:
            out += re.escape(char)
        index += 1
    return re.compile(out)


__all__ = ["DataFile", "Listing", "list_files", "path_not_found"]
