"""Packages are unpacked inside their directory, whatever links they bring."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from mastic.aws.lambda_.packages import unzip
from mastic.errors import ServiceError


def _package(*entries: tuple[str, str, bool]) -> bytes:
    """(name, content or destination, whether it is a link), in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text, link in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = ((stat.S_IFLNK | 0o777) if link else (stat.S_IFREG | 0o644)) << 16
            archive.writestr(info, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "entries",
    [
        [("x", ".", True), ("y", "x/x/../..", True), ("y/evil.txt", "out", False)],
        [("l", "a/..", True), ("a", ".", True), ("l/evil.txt", "out", False)],
        [("up", "..", True)],
        [("etc", "/etc", True)],
        [("d", ".", True), ("d/../../evil.txt", "out", False)],
    ],
)
def test_no_link_leads_a_file_out(tmp_path: Path, entries: list[tuple[str, str, bool]]) -> None:
    place = tmp_path / "a" / "b" / "c"
    place.mkdir(parents=True)
    with pytest.raises(ServiceError, match="leads out"):
        unzip(_package(*entries), place)
    assert list(tmp_path.rglob("evil.txt")) == []


def test_links_inside_are_kept(tmp_path: Path) -> None:
    package = _package(
        ("lib/real.so.1", "code", False),
        ("lib/real.so", "real.so.1", True),
        ("bin/also", "../lib/real.so", True),
    )
    unzip(package, tmp_path)
    assert (tmp_path / "bin" / "also").read_text() == "code"
    assert (tmp_path / "lib" / "real.so").is_symlink()
