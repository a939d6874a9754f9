"""A packed Python environment that a job brings: what of it goes into an environment over a runtime. Owns no state.

The interpreter and the engine are the runtime's: of the archive come the modules, before those of the runtime, and the
programs that belong to them.
"""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from mastic.executors.base import InstallationFailed

# The runtime's own, which know each other.
OURS = ("awsglue", "awsgluedq", "awsglueml", "pyspark", "py4j", "pysail", "ray", "pip")
_SITE = re.compile(r"(?:.*/)?lib(?:64)?/python(\d+\.\d+)/site-packages$")
_PROGRAM = re.compile(r"#!.*python[\d.]*$")


def unpack(archive: Path, into: Path) -> None:
    """Put the modules of ``archive`` (tar.gz or zip) into the environment ``into``. Raises InstallationFailed."""
    with TemporaryDirectory(dir=into) as folder:
        place = Path(folder)
        try:
            _extract(archive, place)
        except (OSError, tarfile.TarError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
            raise InstallationFailed(f"it cannot be unpacked: {error}") from error
        own = next(into.glob("lib/python*/site-packages"))
        sites = list(_sites(place))
        if not sites:
            raise InstallationFailed(
                "there is no lib/python…/site-packages in it: it is no packed environment."
            )
        version, site = sites[0]
        if f"python{version}" != own.parent.name:
            raise InstallationFailed(
                f"it was made for Python {version}, and the runtime has {own.parent.name.removeprefix('python')}."
            )
        for one in site.iterdir():
            if one.name.split(".")[0].split("-")[0] not in OURS and not (own / one.name).exists():
                one.rename(own / one.name)
        _programs(site.parents[2] / "bin", into / "bin")


def _extract(archive: Path, place: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(place)
        return
    with tarfile.open(archive) as tar:
        # Links to an interpreter elsewhere are of no use here, and nothing may lead out. A hard link is how an archive
        # holds a file that it has already.
        members = [one for one in tar.getmembers() if one.isfile() or one.isdir() or one.islnk()]
        tar.extractall(place, members=members, filter="data")


def _sites(place: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(place.rglob("site-packages")):
        found = _SITE.match(PurePosixPath(path.relative_to(place)).as_posix())
        if found and path.is_dir():
            yield found[1], path


def _programs(source: Path, target: Path) -> None:
    """Programs that are Python scripts, run by this environment's Python."""
    if not source.is_dir():
        return
    for one in source.iterdir():
        head, newline, rest = one.read_bytes().partition(b"\n") if one.is_file() else (b"", b"", b"")
        if _PROGRAM.match(head.decode(errors="replace")) and not (target / one.name).exists():
            (target / one.name).write_bytes(f"#!{target / 'python'}".encode() + newline + rest)
            (target / one.name).chmod(0o755)
