"""Brings the files that a run names on S3 to where its process finds them. Owns no state."""

from __future__ import annotations

import io
import posixpath
import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from mastic.errors import ServiceError
from mastic.executors.base import ModuleSet
from mastic.glue.jobs import arguments
from mastic.glue.jobs.engines import Unprepared

LONGEST_NAME = 255  # bytes of a file's name, on every file system in use
SCHEMES = ("s3", "s3a", "s3n")
# A wheelhouse in one file: every wheel in it is a module to install.
WHEELS = ".gluewheels.zip"
VIRTUAL_ENVIRONMENT = "--python-virtual-env"


class ScriptSource(Protocol):
    """The door to object bytes."""

    def read(self, bucket: str, key: str) -> bytes:
        """The whole object; raises ServiceError."""
        ...


class Fetching:
    """Fetches from ``objects``."""

    def __init__(self, *, objects: ScriptSource) -> None:
        self._objects = objects

    def file(self, what: str, url: str, folder: Path) -> Path:
        """Bring an object into a folder, under the last part of its key. Raises Unprepared."""
        scheme, separator, rest = url.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme not in SCHEMES or not separator or not bucket or not key:
            raise Unprepared(f"{what} {url!r} is not an S3 path.")
        name = posixpath.basename(key)
        if name in ("", ".", "..") or "\0" in name or len(name.encode(errors="replace")) > LONGEST_NAME:
            raise Unprepared(f"{what} {url!r} does not end in a name that a file can have.")
        try:
            data = self._objects.read(bucket, key)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / name
            path.write_bytes(data)
        except ServiceError as error:
            raise Unprepared(f"{what} {url} cannot be read: {error.code}: {error.message}") from error
        except OSError as error:
            raise Unprepared(f"{what} {url} cannot be fetched: {error.strerror or error}") from error
        return path

    def python_path(self, merged: Mapping[str, str], folder: Path, command: str = "glueetl") -> list[str]:
        """What ``--extra-py-files`` (of Ray jobs ``--s3-py-modules``) adds to the search path of modules: archives,
        and the folder of single files."""
        found: list[str] = []
        name = arguments.archives_argument(command)
        for url in arguments.files(merged, name):
            path = self.file(name, url, folder)
            entry = str(folder if path.suffix == ".py" else path)
            if entry not in found:
                found.append(entry)
        return found

    def working_directory(self, merged: Mapping[str, str], folder: Path, scratch: Path) -> None:
        """Lay out the ``--working-dir`` of a Ray job: what is in its archive, or in the one folder of it."""
        url = merged.get("--working-dir")
        if not url:
            return
        archive = self.file("--working-dir", url, scratch)
        try:
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(scratch / "content")
        except (zipfile.BadZipFile, RuntimeError, OSError) as error:
            raise Unprepared(f"--working-dir {url} cannot be unpacked: {error}") from error
        content = list((scratch / "content").iterdir())
        inside = content[0].iterdir() if len(content) == 1 and content[0].is_dir() else content
        for one in list(inside):
            one.rename(folder / one.name)

    def modules(
        self, merged: Mapping[str, str], folder: Path, command: str = "glueetl", script: str = ""
    ) -> ModuleSet | None:
        """What ``--additional-python-modules`` (of Ray jobs ``--pip-install``) asks for, or what is in the archive of
        ``--python-virtual-env``, and the library set of a job, whose ``script`` is on S3; files are fetched. None for
        nothing."""
        wanted = arguments.modules(merged, command)
        packed = merged.get(VIRTUAL_ENVIRONMENT, "")
        if packed and wanted:
            raise Unprepared(
                f"{VIRTUAL_ENVIRONMENT} and {arguments.modules_argument(command)} exclude each other."
            )
        if packed:
            return ModuleSet(modules=(), archive=self.file(VIRTUAL_ENVIRONMENT, packed, folder))
        libraries = self._libraries(merged, script, command)
        if not wanted and not libraries:
            return None
        told: list[str] = []
        files: list[Path] = []
        for module in wanted:
            if not module.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
                told.append(module)
                continue
            path = self.file("--additional-python-modules", module, folder)
            fetched = _wheels(path, folder) if path.name.endswith(WHEELS) else [path]
            told += [one.name for one in fetched]
            files += fetched
        try:
            options = shlex.split(merged.get("--python-modules-installer-option", ""))
        except ValueError as error:
            raise Unprepared(f"--python-modules-installer-option cannot be read: {error}.") from error
        return ModuleSet(
            modules=tuple(told), library_set=libraries, options=tuple(options), files=tuple(files)
        )

    def _libraries(self, merged: Mapping[str, str], script: str, command: str) -> str:
        """The library set of a job: that of which its script imports a module. A Python shell job says itself whether
        it has one, or leaves that open; then it has none beside modules of its own."""
        if command == "pythonshell":
            try:
                asked = arguments.library_set(merged)
            except ServiceError as error:
                raise Unprepared(error.message) from error
            own = merged.get("--additional-python-modules") or merged.get("--extra-py-files")
            if asked or own:
                return "" if asked in (None, "none") else asked
        scheme, _, rest = script.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme not in SCHEMES or not bucket or not key:
            return ""
        try:
            text = self._objects.read(bucket, key).decode(errors="replace")
        except ServiceError:
            return ""  # the launch says what is wrong with the script
        return arguments.imported_set(text, command)


def _wheels(archive: Path, folder: Path) -> list[Path]:
    try:
        with zipfile.ZipFile(io.BytesIO(archive.read_bytes())) as opened:
            found = []
            for member in opened.namelist():
                name = posixpath.basename(member)
                if name.endswith(".whl"):
                    (folder / name).write_bytes(opened.read(member))
                    found.append(folder / name)
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise Unprepared(f"--additional-python-modules {archive.name} is no zip file: {error}") from error
    if not found:
        raise Unprepared(f"--additional-python-modules {archive.name} holds no wheel.")
    return found
